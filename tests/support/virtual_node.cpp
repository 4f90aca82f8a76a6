#include "support/virtual_node.hpp"

#include <utility>

#include "node/recovery.hpp"

namespace causeway::testing {
namespace {

constexpr std::uint64_t kTrueWallMs = 1'790'000'000'000;  // September 2026
constexpr WallTime kBuildDate{1'780'000'000'000};

}  // namespace

// All that a kill ends.
struct VirtualNode::Live {
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

VirtualNode::VirtualNode(VirtualTime& time, Outside& outside, NodeSettings settings,
                         std::uint64_t seed)
    : time_(time),
      outside_(outside),
      settings_(std::move(settings)),
      random_(seed),
      directory_(std::make_unique<DataDirectory>()) {
  directory_->origin = {random_.id()};
}

VirtualNode::~VirtualNode() = default;

Now VirtualNode::now() const {
  const auto ms = static_cast<std::int64_t>(time_.now().since_start.count() / 1'000'000);
  const std::int64_t wall = static_cast<std::int64_t>(kTrueWallMs) + ms + wall_offset_ms;
  return {.mono = time_.now(),
          .wall = {wall < 0 ? 0 : static_cast<std::uint64_t>(wall)},
          .boot = {time_.now().since_start}};
}

Result<void> VirtualNode::start() {
  CAUSEWAY_CHECK(!live_);
  ++starts_;
  auto live = std::make_unique<Live>();
  DataDirectory& directory = *directory_;
  node::Recovery recovery(directory.origin, settings_.journal_bytes_max);
  CAUSEWAY_TRY(applier, kv::Applier::open(directory.table, directory.origin));
  Random log_random(random_.next());
  CAUSEWAY_TRY(raft_log,
               storage::SegmentedLog::open(
                   directory.raft_log,
                   {.name = "raft", .kind = 1, .segment_bytes_max = settings_.raft_segment_bytes},
                   log_random, [&](const storage::RecordRef& record) {
                     return recovery.raft_record(record.type, record.body);
                   }));
  recovery.mark(directory.mark);
  CAUSEWAY_TRY(
      journal,
      storage::SegmentedLog::open(
          directory.journal,
          {.name = "journal", .kind = 2, .segment_bytes_max = settings_.journal_segment_bytes},
          log_random, [&](const storage::RecordRef& record) {
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
  options.boot_id = 1;
  options.journal_bytes_max = settings_.journal_bytes_max;
  options.limits = settings_.limits;
  live->loop =
      std::make_unique<node::Loop>(std::move(options), std::move(recovered), applier->position(),
                                   applier->greatest_stamp(), Random(random_.next()), now());
  live->applier = std::move(applier);
  live->raft_log = std::make_unique<storage::LogWriter>(std::move(raft_log));
  live->journal = std::make_unique<storage::LogWriter>(std::move(journal));
  live_ = std::move(live);
  give(node::Tick{});
  return success();
}

void VirtualNode::kill(std::size_t table_kept) {
  live_.reset();
  directory_->raft_log.kill();
  directory_->journal.kill();
  directory_->table.crash(table_kept);
}

void VirtualNode::lose_power() {
  live_.reset();
  directory_->raft_log.crash(random_);
  directory_->journal.crash(random_);
  directory_->table.crash(random_.below(directory_->table.unflushed() + 1));
  if (random_.below(2) == 0) directory_->mark = directory_->synced_mark;
}

void VirtualNode::wipe() {
  CAUSEWAY_CHECK(!live_);
  directory_ = std::make_unique<DataDirectory>();
  directory_->origin = {random_.id()};
}

void VirtualNode::restore(const DataDirectory& image) {
  CAUSEWAY_CHECK(!live_);
  directory_ = std::make_unique<DataDirectory>(image);
}

void VirtualNode::pause() { live_->paused = true; }

void VirtualNode::resume() {
  live_->paused = false;
  for (auto& action : std::exchange(live_->delayed, {})) action();
}

node::Loop& VirtualNode::loop() { return *live_->loop; }

// Runs `action` some time from now, unless this start of the node has ended by then.
void VirtualNode::give_later(Duration low, Duration high, std::function<void()> action) {
  const Duration delay(static_cast<std::int64_t>(random_.between(
      static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count()))));
  time_.after(delay, [this, start = starts_, action = std::move(action)] {
    if (!live_ || start != starts_) return;
    if (live_->paused) {
      live_->delayed.push_back(action);
    } else {
      action();
    }
  });
}

void VirtualNode::give(node::Input input) {
  if (!live_) return;
  live_->inbox.push_back(std::move(input));
  if (std::exchange(live_->turn_due, true)) return;
  give_later(std::chrono::microseconds(1), std::chrono::microseconds(5), [this] { take_turn(); });
}

void VirtualNode::take_turn() {
  Live& live = *live_;
  live.turn_due = false;
  node::Effects out;
  for (node::Input& input : std::exchange(live.inbox, {}))
    live.loop->step(now(), std::move(input), out);
  live.loop->flush(now(), out);
  carry_out(out);
}

void VirtualNode::carry_out(node::Effects& out) {
  Live& live = *live_;
  const std::string& name = settings_.name;
  if (on_effects) on_effects(out);
  if (out.failed) {
    const Error error = *out.failed;
    live_.reset();
    directory_->raft_log.kill();
    directory_->journal.kill();
    outside_.ended(name, error);
    return;
  }
  if (out.mark) directory_->mark = *out.mark;
  for (auto& input : out.raft_log) live.raft_log_inbox.push_back(std::move(input));
  for (auto& input : out.journal) live.journal_inbox.push_back(std::move(input));
  for (auto& input : out.applier) live.applier_inbox.push_back(std::move(input));
  const auto begin = [&](auto& inbox, bool& busy, Duration low, Duration high,
                         void (VirtualNode::*run)()) {
    if (inbox.empty() || std::exchange(busy, true)) return;
    give_later(low, high, [this, run] { (this->*run)(); });
  };
  using std::chrono::microseconds;
  begin(live.raft_log_inbox, live.raft_log_busy, slow_raft_log + microseconds(100),
        slow_raft_log + microseconds(300), &VirtualNode::run_raft_log);
  begin(live.journal_inbox, live.journal_busy, microseconds(100), microseconds(300),
        &VirtualNode::run_journal);
  begin(live.applier_inbox, live.applier_busy, microseconds(10), microseconds(100),
        &VirtualNode::run_applier);
  for (auto& hello : out.hellos) outside_.hello(name, hello.peer, std::move(hello.hello));
  for (auto& answer : out.link_answers)
    outside_.link_answer(name, answer.link, std::move(answer.reply));
  for (auto& send : out.messages) outside_.send(name, send.peer, std::move(send.message));
  for (auto& drop : out.drop_peers) outside_.drop_peer(name, drop.peer);
  for (auto& drop : out.drop_links) outside_.drop_link(name, drop.link);
  for (const node::LogLine& line : out.log) outside_.log(name, line);
  if (out.new_origin) {
    directory_->old_origins.push_back(directory_->origin);
    directory_->origin = *out.new_origin;
    give(node::IdentityWritten{});
  }
  const bool ready = out.ready;
  const bool stopped = out.stopped;
  const bool restart = out.restart;
  for (auto& answered : out.answers)
    outside_.answered(name, answered.handle, std::move(answered.reply));
  if (stopped || restart) {
    live_.reset();
    directory_->raft_log.kill();
    directory_->journal.kill();
    directory_->table.flush();
    outside_.ended(name, std::nullopt);
    return;
  }
  if (ready) outside_.ready(name);
  arm_timer();
}

// A status call changes nothing, so it may be asked between two turns.
std::optional<Status> VirtualNode::peek() {
  if (!live_) return std::nullopt;
  node::Effects out;
  live_->loop->step(now(), node::CallArrived{{.connection = UINT64_MAX}, wire::StatusCall{}}, out);
  if (out.answers.size() != 1) return std::nullopt;
  const auto* answer = std::get_if<wire::Answer>(&out.answers.front().reply);
  return answer == nullptr ? std::nullopt : std::optional(std::get<Status>(*answer));
}

void VirtualNode::report(bool& busy, void (VirtualNode::*again)(), std::vector<node::Input> news) {
  const auto tell = [this, &busy, again, news = std::move(news)] {
    busy = false;
    for (const node::Input& input : news) give(input);
    const bool more = late_reports != Duration(0);
    if (more && !std::exchange(busy, true))
      give_later(late_reports, late_reports, [this, again] { (this->*again)(); });
  };
  late_reports == Duration(0) ? tell() : give_later(late_reports, 2 * late_reports, tell);
}

void VirtualNode::run_raft_log() {
  if (live_->raft_log_inbox.empty()) {
    live_->raft_log_busy = false;
    return;
  }
  const LogIndex mark = directory_->mark;
  storage::LogEffects effects;
  live_->raft_log->step(std::exchange(live_->raft_log_inbox, {}), effects);
  directory_->synced_mark =
      mark;  // what was written to the mark file before a sync of the log may as well be there
  std::vector<node::Input> news;
  for (storage::LogEffect& effect : effects)
    news.emplace_back(node::RaftLogReport{std::move(effect)});
  report(live_->raft_log_busy, &VirtualNode::run_raft_log, std::move(news));
}

void VirtualNode::run_journal() {
  if (live_->journal_inbox.empty()) {
    live_->journal_busy = false;
    return;
  }
  storage::LogEffects effects;
  live_->journal->step(std::exchange(live_->journal_inbox, {}), effects);
  std::vector<node::Input> news;
  for (storage::LogEffect& effect : effects)
    news.emplace_back(node::JournalReport{std::move(effect)});
  report(live_->journal_busy, &VirtualNode::run_journal, std::move(news));
}

void VirtualNode::run_applier() {
  if (live_->applier_inbox.empty()) {
    live_->applier_busy = false;
    return;
  }
  std::vector<kv::Output> outputs;
  std::vector<node::Input> news;
  live_->applier->step(std::exchange(live_->applier_inbox, {}), outputs);
  for (kv::Output& output : outputs) {
    if (const auto* applied = std::get_if<kv::Applied>(&output); applied != nullptr && on_applied)
      on_applied(*applied);
    news.emplace_back(node::ApplierReport{std::move(output)});
  }
  report(live_->applier_busy, &VirtualNode::run_applier, std::move(news));
}

void VirtualNode::arm_timer() {
  const Instant due = std::max(live_->loop->next_deadline(), time_.now());
  if (due == live_->timer || due == Instant::never()) return;
  live_->timer = due;
  time_.at(due, [this, due, start = starts_] {
    if (!live_ || start != starts_ || live_->timer != due) return;
    live_->timer = Instant::never();
    const auto tick = [this] { give(node::Tick{}); };
    live_->paused ? live_->delayed.push_back(tick) : tick();
  });
}

}  // namespace causeway::testing
