// A whole cluster in virtual time: machines, the network between them, and callers.
//
// One seed decides every delay.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "sim/machine.hpp"
#include "sim/network.hpp"
#include "sim/observer.hpp"
#include "sim/schedule.hpp"

namespace causeway::sim {

struct ClusterSettings {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;  ///< named 1, 2, 3, ...
  Duration election_timeout = std::chrono::milliseconds(1000);
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  std::uint64_t journal_bytes_max = 64u << 20;
  node::Limits limits;
  std::uint64_t raft_segment_bytes = 1u << 20;
  std::uint64_t raft_vital_bytes = 64u << 10;  ///< of each segment, kept for votes
  std::uint64_t journal_segment_bytes = 256u << 10;
  Duration delay_min = std::chrono::microseconds(200);
  Duration delay_max = std::chrono::microseconds(1000);
  std::uint64_t loss_per_mille = 0;
};

class Cluster : private Outside {
 public:
  using Name = std::string;
  /// Number of a call; its answer is found under it.
  using CallNumber = std::uint64_t;

  explicit Cluster(ClusterSettings settings);
  ~Cluster() override;

  // ---- the world
  /// errors   as kvd would refuse to start
  [[nodiscard]] Result<void> try_start(const Name& name);
  [[nodiscard]] Machine& node(const Name& name) { return *machines_.at(peer_of(name)); }
  [[nodiscard]] std::vector<Name> names() const { return names_; }
  [[nodiscard]] Network& network() { return network_; }
  void kill(const Name& name, std::size_t table_kept = 0);
  void lose_power(const Name& name);
  /// Kills it where it runs; then its directory is empty, and has another origin.
  void wipe(const Name& name);
  /// Kills it where it runs; then its directory is `image`, an earlier state of itself.
  void restore(const Name& name, const DataDirectory& image);
  /// Only nodes of the same group reach each other.
  void partition(const std::vector<std::set<Name>>& groups);
  void cut(const Name& from, const Name& to);  ///< one way
  void heal();

  void run_for(Duration duration) { schedule_.run_until(schedule_.now() + duration); }
  /// Runs until `condition` holds, at most `bound`. False: it did not.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition,
                               Duration bound = std::chrono::seconds(60));
  [[nodiscard]] Schedule& time() { return schedule_; }
  [[nodiscard]] double seconds() const;

  // ---- callers
  CallNumber call(const Name& name, wire::Call call, std::uint64_t connection = 1);
  /// Its caller hangs up.
  void close(const Name& name, std::uint64_t connection);
  [[nodiscard]] const wire::Reply* reply(CallNumber call) const;
  void forget_reply(CallNumber call) { replies_.erase(call); }

  // ---- what is seen of it
  /// Told of all that happens here, from now on.
  void observe(Observer& observer);
  std::function<void(const Name&, const node::LogLine&)> on_log;
  std::function<void(const Name&, node::CallHandle, const wire::Reply&)> on_answer;
  /// A node ended by itself; with an error when it failed.
  std::function<void(const Name&, const std::optional<Error>&)> on_ended;
  std::function<void(const Name&)> on_ready;
  /// Asked for each message; false: it is lost.
  std::function<bool(const Name& from, const Name& to, const consensus::Message&)> lets_pass;
  std::map<Name, std::optional<Error>> ended_by_itself;
  std::set<Name> ready_nodes;
  std::set<Name> put_back;  ///< their directories are earlier images of themselves

  [[nodiscard]] Peer peer_of(const Name& name) const;
  [[nodiscard]] const Name& name_of(Peer peer) const { return names_.at(peer); }

 private:
  void hello(Peer from, Peer to, wire::Hello hello) override { network_.hello(from, to, hello); }
  void link_answer(Peer, std::uint64_t link, wire::HelloReply reply) override {
    network_.link_answer(link, reply);
  }
  void send(Peer from, Peer to, const consensus::Message& message) override {
    network_.send(from, to, message);
  }
  void drop_peer(Peer from, Peer to) override { network_.drop(from, to); }
  void drop_link(Peer, std::uint64_t link) override { network_.drop_link(link); }
  void answered(Peer from, node::CallHandle handle, wire::Reply reply) override;
  void log(Peer from, const node::LogLine& line) override;
  void ended(Peer from, std::optional<Error> error) override;
  void ready(Peer from) override;
  void stood_still(Peer from) override { network_.stood_still(from); }
  void went_on(Peer from) override { network_.went_on(from); }
  void gone(Peer peer);
  [[nodiscard]] Network::Ends ends();

  ClusterSettings settings_;
  Random random_;
  Schedule schedule_;
  std::vector<Name> names_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::uint32_t listening_ = 0;  ///< bit n for Peer n
  std::uint32_t dark_ = 0;       ///< without power, until the next start
  Network network_;
  Observer* observer_ = nullptr;
  std::map<CallNumber, wire::Reply> replies_;
  std::uint64_t calls_ = 0;
};

}  // namespace causeway::sim
