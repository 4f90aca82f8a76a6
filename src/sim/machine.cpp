#include <iterator>
#include <utility>

#include "sim/machine_live.hpp"

namespace causeway::sim {

Machine::Machine(Schedule& schedule, Outside& outside, MachineSettings settings, std::uint64_t seed)
    : schedule_(schedule),
      outside_(outside),
      settings_(std::move(settings)),
      random_(seed),
      directory_(std::make_unique<DataDirectory>()) {
  directory_->origin = {random_.id()};
}

Machine::~Machine() = default;

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

bool Machine::asleep() const { return live_ && live_->asleep; }

void Machine::pause() {
  live_->paused = true;
  outside_.stood_still(settings_.number);
}

void Machine::suspend() {
  live_->asleep = true;
  clocks.fall_asleep(schedule_.now());
  pause();
}

void Machine::resume() {
  clocks.wake_up(schedule_.now());
  live_->paused = live_->asleep = false;
  live_->timer = Instant::never();
  std::vector<node::Input> came_meanwhile = std::exchange(live_->inbox, {});
  outside_.went_on(settings_.number);  // what its kernel has kept is read now
  std::move(came_meanwhile.begin(), came_meanwhile.end(), std::back_inserter(live_->inbox));
  std::vector<node::Input> behind_calls = put_calls_first();
  for (auto& action : std::exchange(live_->delayed, {})) {
    action();
    if (!live_) return;  // it ended in one of them
  }
  for (node::Input& input : behind_calls) give(std::move(input));
  give(node::Tick{});
}

// A process that goes on reads its sockets in any order: what callers asked meanwhile may come up
// before what peers said. Returns what must come in a turn behind that.
std::vector<node::Input> Machine::put_calls_first() {
  std::vector<node::Input> rest;
  if (random_.below(2) == 0) return rest;
  std::vector<node::Input> calls;
  for (node::Input& input : live_->inbox)
    (std::holds_alternative<node::CallArrived>(input) ? calls : rest).push_back(std::move(input));
  live_->inbox = std::move(calls);
  return rest;
}

node::Loop& Machine::loop() { return *live_->loop; }

void Machine::put_off(Action action) { live_->delayed.push_back(std::move(action)); }

void Machine::give(node::Input&& input) {
  if (!live_) return;
  live_->inbox.push_back(std::move(input));
  if (std::exchange(live_->turn_due, true)) return;
  give_later(std::chrono::microseconds(1), std::chrono::microseconds(5), [this] { take_turn(); });
}

void Machine::take_turn() {
  Live& live = *live_;
  live.turn_due = false;
  node::Effects out;
  const Now now = this->now();
  for (node::Input& input : live.inbox) live.loop->step(now, std::move(input), out);
  live.inbox.clear();
  live.loop->flush(now, out);
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
  for (const auto& send : out.messages) outside_.send(self, send.peer, send.message);
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

std::optional<std::uint64_t> Machine::pending() const {
  return live_ ? live_->loop->pending() : std::nullopt;
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

}  // namespace causeway::sim
