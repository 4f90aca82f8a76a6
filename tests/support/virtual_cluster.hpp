// A whole cluster in virtual time: nodes, the network between them, and callers.
//
// Every message goes through its bytes (wire), over connections that are dialled, cut and dialled again as on a real network. One seed decides every delay.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "support/virtual_node.hpp"
#include "support/virtual_time.hpp"
#include <causeway/store.hpp>

namespace causeway::testing {

struct ClusterSettings {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;  ///< named 1, 2, 3, ...
  Duration election_timeout = std::chrono::milliseconds(1000);
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  std::uint64_t journal_bytes_max = 64u << 20;
  node::Limits limits;
  std::uint64_t raft_segment_bytes = 1u << 20;
  std::uint64_t journal_segment_bytes = 256u << 10;
  Duration delay_min = std::chrono::microseconds(200);
  Duration delay_max = std::chrono::microseconds(1000);
  std::uint64_t loss_per_mille = 0;
};

class VirtualCluster : private Outside {
 public:
  using Name = std::string;
  /// Number of a call; its answer is found under it.
  using CallNumber = std::uint64_t;

  explicit VirtualCluster(ClusterSettings settings);
  ~VirtualCluster() override;

  // ---- the world
  void start(const Name& name);  ///< fails the test when the node refuses to start
  [[nodiscard]] Result<void> try_start(const Name& name);
  void start_all();
  [[nodiscard]] VirtualNode& node(const Name& name) { return *nodes_.at(name); }
  [[nodiscard]] std::vector<Name> names() const;
  void kill(const Name& name, std::size_t table_kept = 0);
  void lose_power(const Name& name);
  void stop(const Name& name);  ///< gracefully
  /// Only nodes of the same group reach each other.
  void partition(const std::vector<std::set<Name>>& groups);
  void cut(const Name& from, const Name& to);  ///< one way
  void heal();

  void run_for(Duration duration);
  /// Runs until `condition` holds, at most `bound`. False: it did not.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition,
                               Duration bound = std::chrono::seconds(60));
  [[nodiscard]] VirtualTime& time() { return time_; }
  [[nodiscard]] double seconds() const;

  // ---- callers
  CallNumber call(const Name& name, wire::Call call);
  [[nodiscard]] const wire::Reply* reply(CallNumber call) const;
  /// Runs until it is answered; none within the bound fails the test.
  const wire::Reply& wait(CallNumber call, Duration bound = std::chrono::seconds(60));

  CallNumber begin_get(const Name& name, std::string key, bool consistent = true,
                       std::optional<std::uint64_t> timeout_ms = {});
  CallNumber begin_set(const Name& name, std::string key, std::string value, bool consistent = true,
                       std::optional<std::uint64_t> timeout_ms = {},
                       InDoubt in_doubt = InDoubt::wait);
  Response get(const Name& name, std::string key, bool consistent = true,
               std::optional<std::uint64_t> timeout_ms = {});
  Response set(const Name& name, std::string key, std::string value, bool consistent = true,
               std::optional<std::uint64_t> timeout_ms = {});
  Response swap(const Name& name, std::string key, std::string value,
                std::optional<std::string> expected);
  Response remove(const Name& name, std::string key, bool consistent = true);
  OutcomeResult outcome(const Name& name, std::string operation,
                        std::optional<std::uint64_t> timeout_ms = {});
  AwaitResult await(const Name& name, std::string token,
                    std::optional<std::uint64_t> timeout_ms = {});
  Status status(const Name& name);
  PendingPage pending(const Name& name);
  ConflictPage conflicts(const Name& name);

  /// The node that leads and says so, in the highest term; empty: none.
  [[nodiscard]] std::optional<Name> leader();
  /// Runs until there is a leader whom a majority follows; fails the test when none comes.
  Name wait_for_leader();
  /// Runs until all running nodes have applied the same index and no writes are pending.
  void settle(Duration bound = std::chrono::seconds(60));

  /// Seen by tests: what each node said of itself, and why nodes ended.
  std::function<void(const Name&, const node::LogLine&)> on_log;
  std::function<void(const Name&, node::CallHandle, const wire::Reply&)> on_answer;
  /// Asked for each message; false: it is lost.
  std::function<bool(const Name& from, const Name& to, const consensus::Message&)> lets_pass;
  std::map<Name, std::optional<Error>> ended_by_itself;
  std::set<Name> ready_nodes;

 private:
  struct Connection {  // dialled by `from`
    std::uint64_t link = 0;
    bool greeted = false;
  };
  using Pair = std::pair<Name, Name>;

  void hello(const Name& from, consensus::Peer peer, wire::Hello hello) override;
  void link_answer(const Name& from, std::uint64_t link, wire::HelloReply reply) override;
  void send(const Name& from, consensus::Peer peer, consensus::Message message) override;
  void drop_peer(const Name& from, consensus::Peer peer) override;
  void drop_link(const Name& from, std::uint64_t link) override;
  void answered(const Name& from, node::CallHandle handle, wire::Reply reply) override;
  void log(const Name& from, const node::LogLine& line) override;
  void ended(const Name& from, std::optional<Error> error) override;
  void ready(const Name& from) override;

  void dial(const Name& from, const Name& to);
  void lose(const Name& from, const Name& to);
  void lose_all_of(const Name& name);
  void lose_unreachable();
  [[nodiscard]] bool reaches(const Name& from, const Name& to) const {
    return from != to && !cut_.contains({from, to});
  }
  [[nodiscard]] const Name& name_of(consensus::Peer peer) const { return order_.at(peer); }
  [[nodiscard]] consensus::Peer peer_of(const Name& name) const;
  [[nodiscard]] std::optional<Pair> pair_of(std::uint64_t link) const;
  Duration delay();

  ClusterSettings settings_;
  Random random_;
  VirtualTime time_;
  std::vector<Name> order_;
  std::map<Name, std::unique_ptr<VirtualNode>> nodes_;
  std::set<Pair> cut_;
  std::map<Pair, Connection> connections_;
  std::map<Pair, Instant> last_arrival_;  ///< a connection keeps its order
  std::set<Pair> dialling_;
  std::uint64_t links_ = 0;
  std::map<CallNumber, wire::Reply> replies_;
  std::uint64_t calls_ = 0;
};

}  // namespace causeway::testing
