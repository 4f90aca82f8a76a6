// The network between the machines: connections that are dialled, carry frames, and break.
//
// Each pair of nodes has a connection each way, as in net. Messages go through their bytes, with
// the frame's checksum around them, so that a damaged frame meets the very check that a real one
// meets. Beyond what TCP does to a connection, messages may be lost, doubled and reordered: nothing
// may rest on the order in which they come.
//
// A connection has two ends, and each knows only what packets tell it. An end that closes while
// nothing passes (a silent line, a machine without power, a box between them that forgot) leaves
// the other one half-open: it believes in the connection until a reset answers what it sends, or
// until the time-outs of net and of TCP are over. Where packets pass, both ends hear of it at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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
  /// Of 1000 steps of a handshake, so many are lost, damaged or late.
  std::uint64_t handshakes = 0;
  /// One kind of message is lost, by its place in consensus::Message; -1: none.
  int lost_kind = -1;

  friend bool operator==(const Line&, const Line&) = default;
};

/// Nothing passes it: because it is cut, and both ends are told, or in silence.
[[nodiscard]] inline bool closed(const Line& line) { return line.cut || line.lost >= 1000; }

/// What net (peer_dialer.hpp, server.hpp, channel.hpp) and TCP beneath it allow. Those cannot be
/// included here; tests/host/net_limits_test.cpp compares what it can.
struct NetLimits {
  Duration backoff_min = std::chrono::milliseconds(50);
  Duration backoff_max = std::chrono::seconds(1);
  Duration connect_again = std::chrono::seconds(1);  ///< TCP asks again; net gives up the next time
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration silence_max = std::chrono::seconds(5);  ///< TCP_USER_TIMEOUT of who dials
  /// Keepalive: the first probe after `idle`, then others; the end is lost when none is answered.
  Duration dialler_idle = std::chrono::seconds(4);
  Duration dialler_interval = std::chrono::seconds(1);
  Duration accepter_idle = std::chrono::seconds(15);
  Duration accepter_interval = std::chrono::seconds(3);
  Duration accepter_silence_max = std::chrono::seconds(24);
  std::size_t output_bytes_max = 32u << 20;  ///< waits for one peer; beyond: the connection is lost
  std::size_t receive_bytes = 256u << 10;  ///< that a kernel takes while its process reads nothing
};

class Network {
 public:
  /// What the network needs of the machines.
  struct Ends {
    std::function<bool(Peer)> listens;  ///< it runs and is ready
    std::function<bool(Peer)> reads;    ///< its process does not stand still
    std::function<bool(Peer)> awake;    ///< the machine has power, and is not suspended
    std::function<void(Peer, node::Input&&)> give;
  };
  /// What befell one message; then, what befell a handshake or a connection.
  enum class Fate : std::uint8_t {
    sent,
    lost,
    doubled,
    damaged,
    delivered,
    stale,
    unanswered,  ///< dialling
    hello_lost,
    hello_damaged,
    hello_late,
    reply_lost,
    reply_damaged,
    reply_late,
    timed_out,   ///< the handshake
    half_open,   ///< only who dialled believes in it
    orphaned,    ///< only who was dialled believes in it
    reset,       ///< who dialled learns that the other end is gone
    silent,      ///< who dialled gives it up: nothing is acknowledged
    let_go,      ///< who was dialled gives it up
    overflowed,  ///< too much waits for who was dialled
  };

  Network(Schedule& schedule, Random& random, std::uint64_t seed, std::size_t machines, Ends ends);

  [[nodiscard]] Line& line(Peer from, Peer to) { return pairs_[from][to].line; }
  /// To be called when lines open or close. Breaks connections over lines that were cut, dials
  /// where it is possible again.
  void lines_changed();
  /// The machine listens: it dials, and is dialled.
  void joined(Peer peer);
  /// The process is gone: its kernel closes its connections.
  void left(Peer peer);
  /// The machine is gone, and says nothing.
  void vanished(Peer peer);
  /// Its process, or all of it, stands still from now on; or goes on.
  void stood_still(Peer peer);
  void went_on(Peer peer);
  /// Both ends hear of the end of what `from` dialled.
  void lose(Peer from, Peer to);
  /// From now on nothing of that connection passes, as with a NAT that forgot it. False: none is.
  /// resets   it answers packets from who dialled with a reset
  bool forget(Peer from, Peer to, bool resets);
  /// Neither does who dialled believe in a connection that is dead, nor is a dialling or handshake
  /// under way from which something was lost: from here on all depends on the nodes.
  [[nodiscard]] bool sound(Peer from, Peer to) const { return pairs_[from][to].sound; }
  /// No connection is half-open, and each pair is sound.
  [[nodiscard]] bool settled() const;
  /// Bytes that wait on the connection from one to the other.
  [[nodiscard]] std::size_t queued(Peer from, Peer to) const { return pairs_[from][to].queued; }

  void hello(Peer from, Peer to, const wire::Hello& hello);
  void link_answer(std::uint64_t link, const wire::HelloReply& reply);
  void send(Peer from, Peer to, const consensus::Message& message);
  void drop(Peer from, Peer to) { dialler_ends(from, to); }
  void drop_link(std::uint64_t link);

  NetLimits limits;
  /// Asked for each message; false: it is lost.
  std::function<bool(Peer from, Peer to, const consensus::Message&)> lets_pass;
  /// Told of each message that is sent, and of each fate.
  std::function<void(Peer from, Peer to, Fate fate, const consensus::Message*)> on_message;
  /// Some pair has become sound, or is it no more.
  std::function<void()> on_soundness;

 private:
  struct Pair {
    Line line;
    // ---- the connection, as `from` knows it
    std::uint64_t link = 0;  ///< of the connection that `from` dialled; 0: none
    bool greeted = false;    ///< the handshake is over
    Instant greeted_at;
    // ---- as it is
    bool accepted = false;     ///< `to` has its end
    bool hello_taken = false;  ///< a second one ends the connection
    bool answered = false;     ///< `to` has answered the Hello
    bool forgotten = false;    ///< by what lies between
    bool resets = false;       ///< which says so
    bool ill = false;          ///< a step of its handshake was lost, or is late
    std::uint64_t watch = 0;   ///< number of the watch that lasts; 0: none
    Instant quiet_since;       ///< while watched
    Instant last_arrival;      ///< a connection keeps its order
    std::size_t queued = 0;    ///< bytes sent and not read
    std::vector<Blob> unread;
    std::size_t unread_bytes = 0;
    std::uint64_t readings = 0;
    // ---- dialling
    bool dialling = false;      ///< or pausing before it
    bool connected = false;     ///< but `to`, standing still, has yet to say so
    std::uint64_t attempt = 0;  ///< a late event of an earlier one is nobody's
    bool unreached = false;     ///< nothing answered the last attempt
    Duration backoff{0};

    bool sound = true;
  };
  /// An accepted connection whose other end is gone.
  struct Orphan {
    Instant quiet_since;
    bool forgotten = false;
  };
  enum class Step : std::uint8_t { well, lost, damaged, late };

  void dial(Peer from, Peer to);
  void knock(Peer from, Peer to, bool again);
  void unanswered(Peer from, Peer to, bool again);
  void connect(Peer from, Peer to);
  void dialled(Peer from, Peer to);
  void failed(Peer from, Peer to);
  void pause_then_dial(Peer from, Peer to);
  void handshake_over(Peer from, Peer to, std::uint64_t link);
  [[nodiscard]] Step draw_step(const Line& line);
  void spoil(Peer from, Peer to, Step step, Fate first, std::string& frame);
  void hello_arrived(Peer from, Peer to, const std::string& frame);
  void reply_arrived(Peer from, Peer to, const std::string& frame);

  void dialler_ends(Peer from, Peer to);
  void end_dialled(Peer from, Peer to, bool both_hear);
  void accepter_ends(Peer from, Peer to);
  void close_accepted(Peer from, Peer to, std::uint64_t link);
  void adopt(Peer from, Peer to, std::uint64_t link);
  void ask_orphan(std::uint64_t link);
  void watch(Peer from, Peer to);
  void look(Peer from, Peer to, std::uint64_t watch);
  void watch_accepted(Peer from, Peer to);
  void ask_dialler(Peer from, Peer to, std::uint64_t link, Instant quiet_since);
  void abandon_attempts(Peer peer);

  void deliver(Peer from, Peer to, std::uint64_t link, Instant at, Blob frame);
  void keep(Peer from, Peer to, Blob frame);
  void read(Peer from, Peer to);
  void arrived(Peer from, Peer to, const Blob& frame);
  void forget_frames(Pair& pair);

  [[nodiscard]] bool both_ways(Peer a, Peer b) const {
    return a != b && !pairs_[a][b].line.cut && !pairs_[b][a].line.cut;
  }
  /// Packets pass both ways.
  [[nodiscard]] bool passes(Peer a, Peer b) const {
    return !closed(pairs_[a][b].line) && !closed(pairs_[b][a].line) && ends_.awake(a) &&
           ends_.awake(b);
  }
  [[nodiscard]] bool whole(Peer from, Peer to) const {
    const Pair& pair = pairs_[from][to];
    return pair.accepted && !pair.forgotten && passes(from, to);
  }
  /// The next packet from who dialled is answered with a reset.
  [[nodiscard]] bool refutes(Peer from, Peer to) const {
    const Pair& pair = pairs_[from][to];
    return passes(from, to) && (pair.forgotten ? pair.resets : !pair.accepted);
  }
  void reckon(Peer from, Peer to);
  void after(Duration delay, Peer from, Peer to, void (Network::*what)(Peer, Peer));
  Duration delay(const Line& line);
  /// With the message where it is sent or delivered.
  void tell(Peer from, Peer to, Fate fate, const consensus::Message* message = nullptr) const {
    if (on_message) on_message(from, to, fate, message);
  }

  Schedule& schedule_;
  Random& random_;
  Random dice_;  ///< of handshakes and pauses: what they draw moves nobody else's draws
  std::size_t machines_;
  Ends ends_;
  std::array<std::array<Pair, kMachinesMax>, kMachinesMax> pairs_;
  std::map<std::uint64_t, Orphan> orphans_;
  std::uint64_t links_ = 0;
  std::string frame_;  ///< of the message being sent: its memory is used again
  std::uint64_t watches_ = 0;
};

/// A link's number names the pair, so that an answer finds its connection.
constexpr std::uint64_t link_number(std::uint64_t count, Peer from, Peer to) {
  return count * 64 + std::uint64_t{from} * 8 + to;
}
constexpr Peer dialler_of(std::uint64_t link) { return static_cast<Peer>(link / 8 % 8); }
constexpr Peer accepter_of(std::uint64_t link) { return static_cast<Peer>(link % 8); }
/// As it goes over the network, and what came of it there: empty when it is not what was sent.
[[nodiscard]] std::string framed(std::string body);
[[nodiscard]] std::string_view body_of(std::string_view frame);
[[nodiscard]] std::optional<consensus::Message> message_of(const Blob& frame);

}  // namespace causeway::sim
