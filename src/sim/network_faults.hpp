// Lines that lose, double, delay, damage and refuse.
//
// Faults overlap. So each is kept as what it does to which lines, and every change makes each line
// anew from what it is by itself and all that lasts: none undoes another's work.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/fault_world.hpp"

namespace causeway::sim {

class NetworkFaults {
 public:
  explicit NetworkFaults(FaultWorld& world);

  void begin();
  void end();

 private:
  /// Bit n of [m]: the line from Peer m to Peer n.
  using Lines = std::array<std::uint32_t, kMachinesMax>;
  using Worsen = void (*)(Line&, std::uint64_t how);
  struct Effect {
    FaultKind kind = FaultKind::loss;
    std::string where;
    Lines lines{};
    Worsen worsen = nullptr;
    std::uint64_t how = 0;
  };

  void noise(FaultKind kind, Worsen worsen, std::uint64_t low, std::uint64_t high);
  void begin_cuts();
  void partition(Random& random);
  void bridge(Random& random);
  void one_way(Random& random);
  void absence(Random& random);
  void flap(Random& random);
  void lost_kind(Random& random);
  void half_open(Random& random);
  void handshakes(Random& random);

  /// Some lines, and how to call them.
  std::pair<Lines, std::string> draw_lines(Random& random);
  [[nodiscard]] Peer other_than(Peer peer, Random& random) const;
  [[nodiscard]] Lines all_lines() const;
  /// All lines between these nodes and the others, both ways.
  [[nodiscard]] Lines around(std::uint32_t peers) const;
  [[nodiscard]] std::string names_of(std::uint32_t peers) const;
  /// As connections break, or in silence: what is sent is lost, and nobody is told.
  [[nodiscard]] static Worsen draw_cut(Random& random);

  std::uint64_t add(Effect effect, Duration lasts);
  void remove(std::uint64_t number);
  void toggle(std::uint64_t number, Lines lines, Random random, Instant until);
  void apply();

  FaultWorld& world_;
  std::vector<Line> usual_;
  std::map<std::uint64_t, Effect> lasting_;
  std::uint64_t made_ = 0;
};

}  // namespace causeway::sim
