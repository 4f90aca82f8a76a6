// One node in virtual time: the very step objects that kvd runs, on disks and a table in memory.
//
// What host does with threads, this does with delays: each log writer and the applier take all that
// has piled up, in one step, some time after it came.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "kv/applier.hpp"
#include "node/loop.hpp"
#include "sim/clocks.hpp"
#include "sim/map_table.hpp"
#include "sim/mem_disk.hpp"
#include "sim/observer.hpp"
#include "sim/schedule.hpp"
#include "storage/log_writer.hpp"
#include <causeway/store.hpp>

namespace causeway::sim {

/// What survives a crash of the machine, and what only survives a kill of the process.
struct DataDirectory {
  MemDisk raft_log;
  MemDisk journal;
  MapTable table;
  Origin origin;
  std::vector<Origin> old_origins;
  LogIndex mark;         ///< of the mark file, as written
  LogIndex synced_mark;  ///< as it survives a power loss for certain
};

struct MachineSettings {
  std::string name;
  Peer number = 0;
  std::map<std::string, std::string> voters;
  Duration election_timeout = std::chrono::milliseconds(1000);
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  std::uint64_t journal_bytes_max = 64u << 20;
  node::Limits limits;
  std::uint64_t raft_segment_bytes = 1u << 20;
  std::uint64_t raft_vital_bytes = 64u << 10;
  std::uint64_t journal_segment_bytes = 256u << 10;
};

/// How the node reaches what lies outside: the cluster implements it.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual void hello(Peer from, Peer to, wire::Hello hello) = 0;
  virtual void link_answer(Peer from, std::uint64_t link, wire::HelloReply reply) = 0;
  virtual void send(Peer from, Peer to, const consensus::Message& message) = 0;
  virtual void drop_peer(Peer from, Peer to) = 0;
  virtual void drop_link(Peer from, std::uint64_t link) = 0;
  virtual void answered(Peer from, node::CallHandle handle, wire::Reply reply) = 0;
  virtual void log(Peer from, const node::LogLine& line) = 0;
  /// The node ended: it failed (not empty), or stopped.
  virtual void ended(Peer from, std::optional<Error> error) = 0;
  virtual void ready(Peer from) = 0;
  /// Its process, or the whole machine, stands still from now on; or goes on.
  virtual void stood_still(Peer from) = 0;
  virtual void went_on(Peer from) = 0;
};

class Machine {
 public:
  Machine(Schedule& schedule, Outside& outside, MachineSettings settings, std::uint64_t seed);
  ~Machine();

  /// Recovers from the directory and goes on. errors: as kvd would refuse to start
  Result<void> start();
  /// kill -9: what was written stays, what was in memory is gone. Recovered RocksDB state may be
  /// older: `table_kept` of its unflushed batches survive.
  void kill(std::size_t table_kept = 0);
  /// Power loss: unsynced bytes are gone, or torn. Boots anew.
  void lose_power();
  /// The process stands still, messages and disks wait.
  void pause();
  /// The whole machine does: its monotonic clock, too.
  void suspend();
  /// Ends either.
  void resume();
  void wipe();

  [[nodiscard]] bool running() const { return live_ != nullptr; }
  [[nodiscard]] bool paused() const;
  /// Suspended: it answers no packet.
  [[nodiscard]] bool asleep() const;
  [[nodiscard]] DataDirectory& directory() { return *directory_; }
  void restore(const DataDirectory& image);
  [[nodiscard]] node::Loop& loop();

  void give(node::Input&& input);

  Clocks clocks;
  /// How much longer than usual a sync of the log takes.
  Duration slow_raft_log{0};
  Duration slow_journal{0};
  /// How much longer than usual the applier takes.
  Duration slow_applier{0};
  /// How long the news of a step of a log or of the applier takes, while more is queued for it: as
  /// between threads.
  Duration late_reports{0};
  /// What this node says of itself, seen without disturbing it; empty: it does not run, or does not
  /// serve.
  [[nodiscard]] std::optional<Status> peek();
  /// Of that, what a checker asks after each turn: how many writes are pending.
  [[nodiscard]] std::optional<std::uint64_t> pending() const;

  /// Called with all that one turn of the loop asked for, before any of it is done.
  std::function<void(const node::Effects&)> on_effects;
  /// Called with each batch of entries that this node applied.
  std::function<void(const kv::Applied&)> on_applied;
  /// Told of all that this machine does; may be nobody.
  Observer* observer = nullptr;
  /// Called when a disk was told to lose power in the middle of a step: must kill this node, or
  /// take its power.
  std::function<void()> on_power_off;

 private:
  struct Live;

  void take_turn();
  [[nodiscard]] std::vector<node::Input> put_calls_first();
  void carry_out(node::Effects& out);
  void begin_steps();
  void end(bool flush_table, std::optional<Error> error);
  void run_raft_log();
  void run_journal();
  void run_applier();
  void flush_table();
  void arm_timer();
  void report(bool& busy, void (Machine::*again)(), std::vector<node::Input> news);
  [[nodiscard]] Now now() const { return clocks.read(schedule_.now()); }
  /// Runs `work` some time from now, unless this start of the node has ended by then.
  template <class Work>
  void give_later(Duration low, Duration high, Work work) {
    const Duration delay(static_cast<std::int64_t>(random_.between(
        static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count()))));
    schedule_.after(delay, [this, start = starts_, work = std::move(work)]() mutable {
      if (!live_ || start != starts_) return;
      paused() ? put_off(std::move(work)) : work();
    });
  }
  void put_off(Action action);

  Schedule& schedule_;
  Outside& outside_;
  MachineSettings settings_;
  Random random_;
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<Live> live_;
  std::uint64_t starts_ = 0;
};

}  // namespace causeway::sim
