// The network between the machines: connections that are dialled, carry frames, and break.
//
// Each pair of nodes has a connection each way, as in net. Messages go through their bytes, with
// the frame's checksum around them, so that a damaged frame meets the very check that a real one
// meets. Beyond what TCP does to a connection, messages may be lost, doubled and reordered: nothing
// may rest on the order in which they come.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/blob.hpp"
#include "base/random.hpp"
#include "node/loop.hpp"
#include "sim/schedule.hpp"

namespace causeway::sim {

using consensus::Peer;
inline constexpr std::size_t kMachinesMax = 7;

/// How one direction between two nodes behaves.
struct Line {
  bool cut = false;
  Duration delay_min = std::chrono::microseconds(200);
  Duration delay_max = std::chrono::microseconds(1000);
  // Of 1000 messages, so many are lost, doubled, overtaken, damaged, or take a hundred times as
  // long (but not longer than a connection lives without an answer).
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t reordered = 0;
  std::uint64_t damaged = 0;
  std::uint64_t late = 0;
  /// One kind of message is lost, by its place in consensus::Message; -1: none.
  int lost_kind = -1;

  friend bool operator==(const Line&, const Line&) = default;
};

class Network {
 public:
  /// What the network needs of the machines.
  struct Ends {
    std::function<bool(Peer)> listens;  ///< it runs and is ready
    std::function<void(Peer, node::Input)> give;
  };
  /// What befell one message, or connection.
  enum class Fate : std::uint8_t { sent, lost, doubled, damaged, delivered, stale };

  Network(Schedule& schedule, Random& random, std::size_t machines, Ends ends);

  [[nodiscard]] Line& line(Peer from, Peer to) { return pairs_[from][to].line; }
  /// Breaks connections over lines that were cut, dials where it is possible again.
  void lines_changed();
  /// The machine listens: it dials, and is dialled.
  void joined(Peer peer);
  /// The machine is gone: its connections break.
  void left(Peer peer);

  void hello(Peer from, Peer to, const wire::Hello& hello);
  void link_answer(std::uint64_t link, const wire::HelloReply& reply);
  void send(Peer from, Peer to, const consensus::Message& message);
  void drop(Peer from, Peer to) { lose(from, to); }
  void drop_link(std::uint64_t link);

  /// Asked for each message; false: it is lost.
  std::function<bool(Peer from, Peer to, const consensus::Message&)> lets_pass;
  /// Told of each message that is sent, and of each fate.
  std::function<void(Peer from, Peer to, Fate fate, const consensus::Message*)> on_message;

 private:
  struct Pair {
    Line line;
    std::uint64_t link = 0;  ///< of the connection that `from` dialled; 0: none
    bool dialling = false;
    Instant last_arrival;  ///< a connection keeps its order
  };

  void dial(Peer from, Peer to);
  void dialled(Peer from, Peer to, bool can);
  void lose(Peer from, Peer to);
  void deliver(Peer from, Peer to, std::uint64_t link, Instant at, Blob frame);
  void arrived(Peer from, Peer to, const Blob& frame);
  [[nodiscard]] bool reaches(Peer from, Peer to) const {
    return from != to && !pairs_[from][to].line.cut;
  }
  [[nodiscard]] bool both_ways(Peer a, Peer b) const { return reaches(a, b) && reaches(b, a); }
  Duration delay(const Line& line);
  /// With the message where it is sent or delivered.
  void tell(Peer from, Peer to, Fate fate, const consensus::Message* message = nullptr) const {
    if (on_message) on_message(from, to, fate, message);
  }

  Schedule& schedule_;
  Random& random_;
  std::size_t machines_;
  Ends ends_;
  std::array<std::array<Pair, kMachinesMax>, kMachinesMax> pairs_;
  std::uint64_t links_ = 0;
  std::string frame_;  ///< of the message being sent: its memory is used again
};

}  // namespace causeway::sim
