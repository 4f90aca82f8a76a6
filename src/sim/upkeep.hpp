// Keeps the nodes running as an operator does (docs/operations.md), and judges what no fault
// explains: a node that ends by itself, or refuses to start.
//
// Every death passes through here, so that each is followed by a start. What a node may be excused
// for is narrow: an error of its own disk excuses the very process that met it, damage excuses a
// refusal until the directory is replaced, a full disk a refusal until there is room.
//
//   starts-again            a node starts, unless excused
//   no-unexpected-end       a node ends only when it is made to, or excused, or, where its
//                           directory was put back from a copy, to start under a new origin
//   failed-write-is-final   no process goes on after its disk refused a write or a sync
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sim/fault_world.hpp"

namespace causeway::sim {

class Upkeep {
 public:
  explicit Upkeep(FaultWorld& world);

  void begin();
  /// Starts all that do not run; from now on whatever ends starts again at once.
  void end();

  void kill(Peer peer, std::size_t table_kept, Duration down);
  /// Also of a machine on which no node runs.
  void lose_power(Peer peer, Duration down);
  /// Asks it to stop; it starts again so long after it did.
  void stop(Peer peer, Duration down);
  void wipe(Peer peer, Duration down);

  /// Another directory may be put under this name, or this one damaged so that it must be. The
  /// rules: the cluster is formed, since before that a wiped voter cannot be told from one that
  /// never spoke (docs/operations.md, the forming window); and over the whole run it befalls a
  /// minority of the names, since a replaced directory never counts again.
  [[nodiscard]] bool may_replace(Peer peer) const;
  /// Its directory is damaged: it is one of those that will be replaced.
  void damaged(Peer peer) {
    nodes_[peer].spent = true;
    nodes_[peer].damaged = true;
  }
  [[nodiscard]] bool replaced(Peer peer) const { return nodes_[peer].replaced; }

  /// An operation of its disk just failed, or read wrong bytes. `final`: no process may survive it.
  /// The machine loses its power when the process has ended, if `power`; it stays down for `down`.
  struct DiskError {
    bool final = true;
    bool power = false;
    Duration down{0};
  };
  void disk_failed(Peer peer, DiskError error);

 private:
  struct Node {
    std::uint64_t life = 0;        ///< counts starts and ends: who waits for a start knows which
    std::optional<DiskError> met;  ///< by this process
    Duration down{0};              ///< after the next end by itself
    bool spent = false;            ///< it is one of the minority that may be replaced
    bool damaged = false;          ///< its present directory is
    bool replaced = false;
  };

  void start(Peer peer);
  void start_after(Peer peer, Duration down);
  void refused(Peer peer, const Error& error);
  bool give_room(Peer peer);
  void ended(Peer peer, const std::optional<Error>& error);
  void must_have_ended(Peer peer, std::uint64_t life);
  void watch_forming();

  FaultWorld& world_;
  std::array<Node, kMachinesMax> nodes_;
  bool formed_ = false;
  Instant serving_since_ = Instant::never();  ///< all of them, without a break
};

}  // namespace causeway::sim
