// What befalls three daemons on a network of their own, drawn from a seed: kill -9 of one, two or
// all, SIGTERM, SIGSTOP, partitions of every shape, steps of the wall clocks. Faults overlap; one
// step makes things worse or better, and lets that last for a moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cluster.hpp"
#include "network.hpp"

namespace causeway::test {

class Faults {
 public:
  using Number = Cluster::Number;

  /// Gives each node a clock that can be stepped, so before the first start. What happens is
  /// written to faults.txt in the cluster's directory.
  Faults(Cluster& cluster, Network& network, std::uint64_t seed);

  void step();
  /// All nodes run and hear each other. The clocks stay as wrong as they are.
  void end();

  /// Nodes whose writes cannot but succeed soon: they hear, and are heard by, every node that could
  /// lead.
  [[nodiscard]] std::vector<Number> with_majority() const;
  /// Nodes that run, and that clients reach.
  [[nodiscard]] std::vector<Number> answering() const;
  [[nodiscard]] std::size_t starts_since(Number node, std::uint64_t ns) const;
  /// How many there were of each kind.
  [[nodiscard]] const std::map<std::string, std::size_t>& counts() const { return counts_; }

 private:
  void worsen();
  void mend();

  void kill_some();
  void terminate_one();
  void pause_some();
  void cut_somewhere();
  void step_clocks();

  void start(const std::set<Number>& nodes);
  void resume_all();
  void join();

  [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }
  /// The running ones, or all, in an order of chance.
  [[nodiscard]] std::vector<Number> shuffled(bool running);
  [[nodiscard]] bool up(Number node) const {
    return !down_.contains(node) && !paused_.contains(node);
  }
  [[nodiscard]] bool joined(Network::Host a, Network::Host b) const;
  [[nodiscard]] std::string clock_file(Number node) const;
  void set_clock(Number node, const std::string& offset);
  void note(const std::string& kind, const std::string& detail);

  Cluster& cluster_;
  Network& network_;
  std::mt19937_64 random_;
  std::set<Number> down_;
  std::set<Number> paused_;
  std::vector<Network::Cut> cuts_;
  std::map<Number, std::vector<std::uint64_t>> started_ns_;
  std::map<std::string, std::size_t> counts_;
  std::ofstream trace_;
};

}  // namespace causeway::test
