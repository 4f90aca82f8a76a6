// The threads of a node, as delays: each takes what has piled up, and tells the loop what came of
// it.
#include <utility>

#include "sim/machine_live.hpp"

namespace causeway::sim {

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

void Machine::report(bool& busy, void (Machine::*again)(), std::vector<node::Input> news) {
  auto tell = [this, &busy, again, news = std::move(news)]() mutable {
    busy = false;
    for (node::Input& input : news) give(std::move(input));
    const bool more = late_reports != Duration(0);
    if (more && !std::exchange(busy, true))
      give_later(late_reports, late_reports, [this, again] { (this->*again)(); });
  };
  late_reports == Duration(0) ? tell()
                              : give_later(late_reports, 2 * late_reports, std::move(tell));
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
  news.reserve(effects.size());
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
  news.reserve(effects.size());
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
  if (observer != nullptr) observer->applier_done(settings_.number, outputs);
  news.reserve(outputs.size());
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
