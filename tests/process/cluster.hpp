// A cluster of real kvd processes on this machine.
//
// Nodes are numbered from 1; node 1 is "n1". Each test program has a loopback address of its own,
// made of its process id, so that two of them never want the same port, and no outgoing connection
// (those leave from 127.0.0.1) takes the port of a node that is about to come back. All data lives
// in one temporary directory, which stays when CAUSEWAY_KEEP is set. When a check has failed, the
// nodes' logs are printed at the end. With a network of its own (network.hpp) node n is host n
// there.
//
// Only the thread that made the cluster may start nodes (process.hpp says why).
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "network.hpp"
#include "process.hpp"
#include <causeway/client.hpp>

namespace causeway::test {

class Cluster {
 public:
  using Number = std::size_t;

  explicit Cluster(std::size_t nodes = 3);
  /// A node on each host. The network outlives the cluster.
  explicit Cluster(const Network& network);
  ~Cluster();

  /// The directory stays also when a check has failed.
  void keep_after_failure() { kept_after_failure_ = true; }

  /// Flags beside those that every node gets (id, listen, data-dir, cluster, short timeouts); from
  /// the next start on.
  void set_flags(Number node, std::vector<std::string> flags) { at(node).flags = std::move(flags); }
  void set_environment(Number node, std::map<std::string, std::string> environment) {
    at(node).environment = std::move(environment);
  }

  /// Starts and waits for the line `ready`, all at once.
  void start(const std::vector<Number>& nodes);
  void start_all();
  /// kill -9, and waits until it is gone.
  void kill(const std::vector<Number>& nodes);
  void kill_all();
  void pause(Number node);   ///< SIGSTOP
  void resume(Number node);  ///< SIGCONT
  /// SIGTERM, and waits for its end.
  ExitCode terminate(Number node);

  /// Of a node that does not run.
  void wipe(Number node);
  [[nodiscard]] std::string copy_data(Number node);
  void restore_data(Number node, const std::string& copy);

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] bool running(Number node);
  [[nodiscard]] std::string id(Number node) const { return "n" + std::to_string(node); }
  [[nodiscard]] std::string address(Number node) const { return at(node).address; }
  [[nodiscard]] std::string data_directory(Number node) const;
  [[nodiscard]] std::string log(Number node) const;
  [[nodiscard]] pid_t pid(Number node) const { return at(node).process->pid(); }
  [[nodiscard]] std::string cluster_flag() const;
  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

  /// A client of that node alone.
  [[nodiscard]] std::unique_ptr<Client> client(Number node) const;
  /// kvcli, talking to that node.
  [[nodiscard]] CommandResult cli(Number node, std::vector<std::string> arguments) const;
  [[nodiscard]] Status status(Number node) const;

  /// Waits until one of the running nodes leads, all running ones follow it, and the names are
  /// bound.
  Number wait_for_leader();
  /// Waits until the running nodes have applied the same index and hold no pending write.
  void wait_until_quiet();

 private:
  struct Node {
    std::string address;
    std::vector<std::string> flags;
    std::map<std::string, std::string> environment;
    std::optional<int> network_namespace;
    std::unique_ptr<Process> process;
    std::size_t starts = 0;
  };

  Node& at(Number node) { return nodes_.at(node - 1); }
  [[nodiscard]] const Node& at(Number node) const { return nodes_.at(node - 1); }
  [[nodiscard]] std::string output_file(Number node) const;
  [[nodiscard]] std::string log_file(Number node) const;
  void launch(Number node);
  void wait_until_ready(Number node);

  TemporaryDirectory directory_;
  bool kept_after_failure_ = false;
  std::vector<Node> nodes_;
};

/// `127.x.y.z:port` with a port that nobody listens on, on this test's own address.
[[nodiscard]] std::string free_address();

/// Whether a client still gets an answer: "yes" for the key "served", which the test has set.
[[nodiscard]] bool is_served(Client& client);

/// Environment for a node whose wall clock alone is wrong: `when` as in "@2046-01-01 00:00:00".
/// Timers are untouched. Empty where libfaketime is not installed.
[[nodiscard]] std::map<std::string, std::string> wrong_clock(const std::string& when);
/// The same with a clock that can be stepped while the node runs: by what `file` says, as in
/// "-3600.5" (seconds).
[[nodiscard]] std::map<std::string, std::string> stepped_clock(const std::string& file);

/// The answer; an error fails the test and says which.
template <class T>
T take(Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), result.error().detail);
  return std::move(result).value();
}

inline constexpr WriteOptions kOffline{.consistent = false};
inline constexpr ReadOptions kLocal{.consistent = false};
/// Consistent, and not for ever: a test must fail, not hang.
inline constexpr ReadOptions kPatient{.blocking = false, .timeout = kGuard};
inline constexpr WriteOptions kPatientWrite{
    .blocking = false, .timeout = kGuard, .in_doubt = InDoubt::report};

}  // namespace causeway::test
