// One node in virtual time: the very step objects that kvd runs, on a disk and a table in memory.
//
// What host does with threads, this does with delays: each log writer and the applier take all that has piled up, in one step, some time after it came.
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
#include "storage/log_writer.hpp"
#include "support/map_table.hpp"
#include "support/mem_disk.hpp"
#include "support/virtual_time.hpp"
#include <causeway/store.hpp>

namespace causeway::testing {

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

struct NodeSettings {
  std::string name;
  std::map<std::string, std::string> voters;
  Duration election_timeout = std::chrono::milliseconds(1000);
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  std::uint64_t journal_bytes_max = 64u << 20;
  node::Limits limits;
  std::uint64_t raft_segment_bytes = 1u << 20;
  std::uint64_t journal_segment_bytes = 256u << 10;
};

/// How the node reaches what lies outside: the cluster implements it.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual void hello(const std::string& from, consensus::Peer peer, wire::Hello hello) = 0;
  virtual void link_answer(const std::string& from, std::uint64_t link, wire::HelloReply reply) = 0;
  virtual void send(const std::string& from, consensus::Peer peer, consensus::Message message) = 0;
  virtual void drop_peer(const std::string& from, consensus::Peer peer) = 0;
  virtual void drop_link(const std::string& from, std::uint64_t link) = 0;
  virtual void answered(const std::string& from, node::CallHandle handle, wire::Reply reply) = 0;
  virtual void log(const std::string& from, const node::LogLine& line) = 0;
  /// The node ended: it failed (not empty), or stopped.
  virtual void ended(const std::string& from, std::optional<Error> error) = 0;
  virtual void ready(const std::string& from) = 0;
};

class VirtualNode {
 public:
  VirtualNode(VirtualTime& time, Outside& outside, NodeSettings settings, std::uint64_t seed);
  ~VirtualNode();

  /// Recovers from the directory and goes on. errors: as kvd would refuse to start
  Result<void> start();
  /// kill -9: what was written stays, what was in memory is gone. Recovered RocksDB state may be older: `table_kept` of its unflushed batches survive.
  void kill(std::size_t table_kept = 0);
  /// Power loss: unsynced bytes are gone, or torn.
  void lose_power();
  /// The process stands still, messages and disks wait.
  void pause();
  void resume();
  void wipe();

  [[nodiscard]] bool running() const { return live_ != nullptr; }
  [[nodiscard]] DataDirectory& directory() { return *directory_; }
  void restore(const DataDirectory& image);
  [[nodiscard]] node::Loop& loop();
  [[nodiscard]] const std::vector<std::string>& narration() const { return narration_; }

  void give(node::Input input);

  /// Difference of this machine's wall clock from true time.
  std::int64_t wall_offset_ms = 0;
  /// How much longer than usual a sync of the Raft log takes.
  Duration slow_raft_log{0};
  /// How long the news of a step of a log or of the applier takes, while more is queued for it: as between threads.
  Duration late_reports{0};
  /// What this node says of itself, seen without disturbing it; empty: it does not run, or does not serve.
  [[nodiscard]] std::optional<Status> peek();

  /// Called with all that one turn of the loop asked for, before any of it is done.
  std::function<void(const node::Effects&)> on_effects;
  /// Called with each batch of entries that this node applied.
  std::function<void(const kv::Applied&)> on_applied;

 private:
  struct Live;

  void take_turn();
  void carry_out(node::Effects& out);
  void run_raft_log();
  void run_journal();
  void run_applier();
  void arm_timer();
  void report(bool& busy, void (VirtualNode::*again)(), std::vector<node::Input> news);
  [[nodiscard]] Now now() const;
  void give_later(Duration low, Duration high, std::function<void()> action);

  VirtualTime& time_;
  Outside& outside_;
  NodeSettings settings_;
  Random random_;
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<Live> live_;
  std::uint64_t starts_ = 0;
  std::vector<std::string> narration_;
};

}  // namespace causeway::testing
