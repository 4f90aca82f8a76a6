#include "sim/machine.hpp"

#include <utility>

#include "node/recovery.hpp"
#include "sim/observer.hpp"

namespace causeway::sim {
// All that a kill ends.
struct Machine::Live {
  std::unique_ptr<kv::Applier> applier;
  std::unique_ptr<storage::LogWriter> raft_log;
  std::unique_ptr<storage::LogWriter> journal;
  std::unique_ptr<node::Loop> loop;

  std::vector<node::Input> inbox;
  bool turn_due = false;
  bool paused = false;
  bool failed = false;
  std::vector<storage::LogInput> raft_log_inbox;
  std::vector<storage::LogInput> journal_inbox;
  std::vector<kv::Input> applier_inbox;
  bool raft_log_busy = false;
  bool journal_busy = false;
  bool applier_busy = false;
  Instant timer = Instant::never();
  std::vector<std::function<void()>> delayed;  ///< while paused
};

Machine::Machine(Schedule& schedule, Outside& outside, MachineSettings settings, std::uint64_t seed)
    : schedule_(schedule),
      outside_(outside),
      settings_(std::move(settings)),
      random_(seed),
      directory_(std::make_unique<DataDirectory>()) {
  directory_->origin = {random_.id()};
}

Machine::~Machine() = default;

Result<void> Machine::start() {
  CAUSEWAY_CHECK(!live_);
  ++starts_;
  if (observer != nullptr) observer->starting(settings_.number);
  auto live = std::make_unique<Live>();
  DataDirectory& directory = *directory_;
  node::Recovery recovery(directory.origin, settings_.journal_bytes_max);
  CAUSEWAY_TRY(applier, kv::Applier::open(directory.table, directory.origin));
  Random log_random(random_.next());
  CAUSEWAY_TRY(raft_log, storage::SegmentedLog::open(
                             directory.raft_log,
                             {.name = "raft",
                              .kind = 1,
                              .segment_bytes_max = settings_.raft_segment_bytes,
                              .vital_bytes = settings_.raft_vital_bytes},
                             log_random, [&](const storage::RecordRef& record) -> Result<void> {
                               if (observer != nullptr) {
                                 CAUSEWAY_TRY(seen, wire::decode_raft_record(
                                                        record.type, Blob::copy_of(record.body)));
                                 observer->recovered(settings_.number, seen);
                               }
                               return recovery.raft_record(record.type, record.body);
                             }));
  recovery.mark(directory.mark);
  CAUSEWAY_TRY(
      journal,
      storage::SegmentedLog::open(
          directory.journal,
          {.name = "journal", .kind = 2, .segment_bytes_max = settings_.journal_segment_bytes},
          log_random, [&](const storage::RecordRef& record) -> Result<void> {
            if (observer != nullptr) {
              CAUSEWAY_TRY(seen,
                           wire::decode_journal_record(record.type, Blob::copy_of(record.body)));
              observer->recovered(settings_.number, seen);
            }
            return recovery.journal_record(record.type, record.body);
          }));
  CAUSEWAY_TRY(recovery.finish());
  CAUSEWAY_TRY(recovery.check_voters(settings_.voters));
  CAUSEWAY_TRY(applier->clear_pending());
  std::vector<kv::Input> puts;
  CAUSEWAY_TRY(
      stop, journal.read_from(0, SIZE_MAX, [&](const storage::RecordRef& record) -> Result<void> {
        CAUSEWAY_TRY(write, recovery.live_write(record.type, record.body));
        if (write) puts.emplace_back(kv::PutPending{std::move(*write)});
        return success();
      }));
  static_cast<void>(stop);
  std::vector<kv::Output> outputs;
  applier->step(std::move(puts), outputs);
  CAUSEWAY_CHECK(outputs.empty());

  node::Recovered recovered = recovery.take(applier->position().index);
  recovered.journal_segments = journal.segments();
  node::Options options;
  options.name = settings_.name;
  options.origin = directory.origin;
  options.old_origins = directory.old_origins;
  options.incarnation = {random_.id()};
  options.voters = settings_.voters;
  options.election_timeout = settings_.election_timeout;
  options.heartbeat_interval = settings_.heartbeat_interval;
  options.build_date = kBuildDate;
  options.boot_id = clocks.boot_id();
  options.journal_bytes_max = settings_.journal_bytes_max;
  options.limits = settings_.limits;
  live->loop =
      std::make_unique<node::Loop>(std::move(options), std::move(recovered), applier->position(),
                                   applier->greatest_stamp(), Random(random_.next()), now());
  live->applier = std::move(applier);
  live->raft_log = std::make_unique<storage::LogWriter>(std::move(raft_log));
  live->journal = std::make_unique<storage::LogWriter>(std::move(journal));
  live_ = std::move(live);
  if (observer != nullptr) observer->started(settings_.number);
  give(node::Tick{});
  return success();
}

void Machine::kill(std::size_t table_kept) {
  live_.reset();
  clocks.wake_up(schedule_.now());
  directory_->raft_log.kill();
  directory_->journal.kill();
  directory_->table.crash(table_kept);
}

void Machine::lose_power() {
  live_.reset();
  directory_->raft_log.crash(random_);
  directory_->journal.crash(random_);
  directory_->table.crash(random_.below(directory_->table.unflushed() + 1));
  if (random_.below(2) == 0) directory_->mark = directory_->synced_mark;
  clocks.reboot(schedule_.now());
}

void Machine::wipe() {
  CAUSEWAY_CHECK(!live_);
  directory_ = std::make_unique<DataDirectory>();
  directory_->origin = {random_.id()};
}

void Machine::restore(const DataDirectory& image) {
  CAUSEWAY_CHECK(!live_);
  directory_ = std::make_unique<DataDirectory>(image);
}

bool Machine::paused() const { return live_ && live_->paused; }

void Machine::pause() { live_->paused = true; }

void Machine::suspend() {
  live_->paused = true;
  clocks.fall_asleep(schedule_.now());
}

void Machine::resume() {
  clocks.wake_up(schedule_.now());
  live_->paused = false;
  live_->timer = Instant::never();
  for (auto& action : std::exchange(live_->delayed, {})) {
    action();
    if (!live_) return;  // it ended in one of them
  }
  give(node::Tick{});
}

node::Loop& Machine::loop() { return *live_->loop; }

// Runs `action` some time from now, unless this start of the node has ended by then.
void Machine::give_later(Duration low, Duration high, std::function<void()> action) {
  const Duration delay(static_cast<std::int64_t>(random_.between(
      static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count()))));
  schedule_.after(delay, [this, start = starts_, action = std::move(action)] {
    if (!live_ || start != starts_) return;
    if (live_->paused) {
      live_->delayed.push_back(action);
    } else {
      action();
    }
  });
}

void Machine::give(node::Input input) {
  if (!live_) return;
  live_->inbox.push_back(std::move(input));
  if (std::exchange(live_->turn_due, true)) return;
  give_later(std::chrono::microseconds(1), std::chrono::microseconds(5), [this] { take_turn(); });
}

void Machine::take_turn() {
  Live& live = *live_;
  live.turn_due = false;
  node::Effects out;
  for (node::Input& input : std::exchange(live.inbox, {}))
    live.loop->step(now(), std::move(input), out);
  live.loop->flush(now(), out);
  carry_out(out);
}

void Machine::end(bool flush_table, std::optional<Error> error) {
  live_.reset();
  directory_->raft_log.kill();
  directory_->journal.kill();
  if (flush_table) directory_->table.flush();
  outside_.ended(settings_.number, std::move(error));
}

void Machine::carry_out(node::Effects& out) {
  Live& live = *live_;
  const Peer self = settings_.number;
  if (on_effects) on_effects(out);
  if (observer != nullptr) observer->turn(self, out);
  for (const node::LogLine& line : out.log) outside_.log(self, line);
  if (out.failed) return end(false, std::move(out.failed));
  if (out.mark) directory_->mark = *out.mark;
  for (auto& input : out.raft_log) live.raft_log_inbox.push_back(std::move(input));
  for (auto& input : out.journal) live.journal_inbox.push_back(std::move(input));
  for (auto& input : out.applier) live.applier_inbox.push_back(std::move(input));
  begin_steps();
  for (auto& hello : out.hellos) outside_.hello(self, hello.peer, std::move(hello.hello));
  for (auto& answer : out.link_answers)
    outside_.link_answer(self, answer.link, std::move(answer.reply));
  for (auto& send : out.messages) outside_.send(self, send.peer, std::move(send.message));
  for (auto& drop : out.drop_peers) outside_.drop_peer(self, drop.peer);
  for (auto& drop : out.drop_links) outside_.drop_link(self, drop.link);
  if (out.new_origin) {
    directory_->old_origins.push_back(directory_->origin);
    directory_->origin = *out.new_origin;
    give(node::IdentityWritten{});
  }
  for (auto& answered : out.answers)
    outside_.answered(self, answered.handle, std::move(answered.reply));
  if (out.stopped || out.restart) return end(true, std::nullopt);
  if (out.ready) outside_.ready(self);
  arm_timer();
}

void Machine::begin_steps() {
  Live& live = *live_;
  const auto begin = [&](auto& inbox, bool& busy, Duration low, Duration high,
                         void (Machine::*run)()) {
    if (inbox.empty() || std::exchange(busy, true)) return;
    give_later(low, high, [this, run] { (this->*run)(); });
  };
  using std::chrono::microseconds;
  begin(live.raft_log_inbox, live.raft_log_busy, slow_raft_log + microseconds(100),
        slow_raft_log + microseconds(300), &Machine::run_raft_log);
  begin(live.journal_inbox, live.journal_busy, slow_journal + microseconds(100),
        slow_journal + microseconds(300), &Machine::run_journal);
  begin(live.applier_inbox, live.applier_busy, slow_applier + microseconds(10),
        slow_applier + microseconds(100), &Machine::run_applier);
}

// A status call changes nothing, so it may be asked between two turns.
std::optional<Status> Machine::peek() {
  if (!live_) return std::nullopt;
  node::Effects out;
  live_->loop->step(now(), node::CallArrived{{.connection = UINT64_MAX}, wire::StatusCall{}}, out);
  if (out.answers.size() != 1) return std::nullopt;
  const auto* answer = std::get_if<wire::Answer>(&out.answers.front().reply);
  return answer == nullptr ? std::nullopt : std::optional(std::get<Status>(*answer));
}

void Machine::report(bool& busy, void (Machine::*again)(), std::vector<node::Input> news) {
  const auto tell = [this, &busy, again, news = std::move(news)] {
    busy = false;
    for (const node::Input& input : news) give(input);
    const bool more = late_reports != Duration(0);
    if (more && !std::exchange(busy, true))
      give_later(late_reports, late_reports, [this, again] { (this->*again)(); });
  };
  late_reports == Duration(0) ? tell() : give_later(late_reports, 2 * late_reports, tell);
}

void Machine::run_raft_log() {
  if (live_->raft_log_inbox.empty()) {
    live_->raft_log_busy = false;
    return;
  }
  const LogIndex mark = directory_->mark;
  if (observer != nullptr) observer->raft_log_step(settings_.number, live_->raft_log_inbox);
  storage::LogEffects effects;
  live_->raft_log->step(std::exchange(live_->raft_log_inbox, {}), effects);
  if (directory_->raft_log.power_is_off()) return on_power_off();
  if (observer != nullptr) observer->raft_log_done(settings_.number, effects);
  // What was written to the mark file before a sync of the log may as well be there.
  directory_->synced_mark = mark;
  std::vector<node::Input> news;
  for (storage::LogEffect& effect : effects)
    news.emplace_back(node::RaftLogReport{std::move(effect)});
  report(live_->raft_log_busy, &Machine::run_raft_log, std::move(news));
}

void Machine::run_journal() {
  if (live_->journal_inbox.empty()) {
    live_->journal_busy = false;
    return;
  }
  if (observer != nullptr) observer->journal_step(settings_.number, live_->journal_inbox);
  storage::LogEffects effects;
  live_->journal->step(std::exchange(live_->journal_inbox, {}), effects);
  if (directory_->journal.power_is_off()) return on_power_off();
  if (observer != nullptr) observer->journal_done(settings_.number, effects);
  std::vector<node::Input> news;
  for (storage::LogEffect& effect : effects)
    news.emplace_back(node::JournalReport{std::move(effect)});
  report(live_->journal_busy, &Machine::run_journal, std::move(news));
}

void Machine::run_applier() {
  if (live_->applier_inbox.empty()) {
    live_->applier_busy = false;
    return;
  }
  std::vector<kv::Output> outputs;
  std::vector<node::Input> news;
  for (const kv::Input& input : live_->applier_inbox) {
    const auto* apply = std::get_if<kv::Apply>(&input);
    if (apply != nullptr && observer != nullptr) observer->applying(settings_.number, *apply);
  }
  live_->applier->step(std::exchange(live_->applier_inbox, {}), outputs);
  for (kv::Output& output : outputs) {
    if (const auto* applied = std::get_if<kv::Applied>(&output)) {
      if (on_applied) on_applied(*applied);
      if (observer != nullptr) observer->applied(settings_.number, *applied);
    }
    news.emplace_back(node::ApplierReport{std::move(output)});
  }
  flush_table();
  report(live_->applier_busy, &Machine::run_applier, std::move(news));
}

// RocksDB writes down what has piled up in memory when that is full.
void Machine::flush_table() {
  constexpr std::size_t kUnflushedMax = 500;
  MapTable& table = directory_->table;
  if (table.unflushed() > kUnflushedMax)
    table.flush(kUnflushedMax / 2 + random_.below(kUnflushedMax / 2));
}

// A deadline that moves back leaves the timer where it is: when it fires too early it is set again.
// Each heartbeat moves a follower's deadline.
void Machine::arm_timer() {
  const Instant deadline = live_->loop->next_deadline();
  if (deadline == Instant::never()) return;
  const Instant due = clocks.true_instant_of(deadline, schedule_.now());
  if (due >= live_->timer) return;
  live_->timer = due;
  schedule_.at(due, [this, due, start = starts_] {
    if (!live_ || start != starts_ || live_->timer != due || live_->paused) return;
    live_->timer = Instant::never();
    const bool early = live_->loop->next_deadline() > now().mono;
    early ? arm_timer() : give(node::Tick{});
  });
}

}  // namespace causeway::sim
