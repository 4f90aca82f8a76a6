// Carries out a script's commands on a cluster in virtual time. The table of commands stands in
// player.cpp; docs of their effect are the scripts themselves.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interaction/narrator.hpp"
#include "interaction/script.hpp"
#include "support/virtual_cluster.hpp"

namespace causeway::testing {

class Player {
 public:
  /// What was narrated while the block's commands were carried out.
  [[nodiscard]] std::vector<std::string> play(const Block& block);

 private:
  /// Messages that are lost; empty names stand for any.
  struct Loss {
    std::string from;
    std::string to;
    std::string kind;
    std::uint64_t left = 0;
  };
  using Action = void (Player::*)(const Command&);
  static const std::map<std::string, Action>& actions();

  void cluster(const Command& command);
  void build(const Command& command, std::uint64_t seed);
  void partition(const Command& command);
  void cut(const Command& command);
  void heal(const Command& command);
  void start(const Command& command);
  void kill(const Command& command);
  void lose_power(const Command& command);
  void stop(const Command& command);
  void wipe(const Command& command);
  void copy(const Command& command);
  void restore(const Command& command);
  void pause(const Command& command);
  void resume(const Command& command);
  void clock(const Command& command);
  void slow_log(const Command& command);
  void disk(const Command& command);
  void lose(const Command& command);
  void run(const Command& command);
  void call(const Command& command);

  [[nodiscard]] wire::Call call_of(const Command& command);
  [[nodiscard]] std::string node_of(const Command& command) const;
  [[nodiscard]] bool passes(const std::string& from, const std::string& to,
                            const consensus::Message& message);
  [[nodiscard]] bool quiet();
  [[nodiscard]] bool led();
  void run_until(const std::string& what, bool (Player::*holds)(), Duration bound);

  std::unique_ptr<VirtualCluster> cluster_;
  std::unique_ptr<Narrator> narrator_;
  std::vector<Loss> losses_;
  std::map<std::uint64_t, std::string> asked_;  ///< open calls, as the answer names them
  std::map<std::string, DataDirectory> copies_;
};

/// `1.5s`, `200ms`
[[nodiscard]] Duration duration_of(const std::string& text);
/// `+20y`, `-60y`, `5m`, `0`: milliseconds
[[nodiscard]] std::int64_t offset_ms_of(const std::string& text);

}  // namespace causeway::testing
