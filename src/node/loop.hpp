// The node's loop: everything that decides, composed into one step object without I/O.
//
// It owns consensus, journal and reconciler, routes every call, and never waits for a disk: the log
// writers and the applier are step objects of their own, reached by values in `Effects` and heard
// of by values in `Input`. One process wires it to Asio and the disk (host), the simulator to a
// virtual world; both obey, neither decides.
//
// The way of a request: call -> admission -> (pending write of the key? wait for it) -> consensus
// or journal -> log -> apply -> answer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "consensus/raft.hpp"
#include "kv/applier.hpp"
#include "node/recovery.hpp"
#include "storage/log_writer.hpp"
#include "wire/peer.hpp"
#include "wire/rpc.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::node {

struct Limits {
  std::size_t key_bytes_max = 1024;
  std::size_t value_bytes_max = 1 << 20;
  std::size_t calls_max = 16384;  ///< of all connections together
  std::size_t calls_per_connection_max = 4096;
  std::size_t waiting_calls_max =
      12288;  ///< of these, calls that wait for a majority: the rest is kept for local ones
  std::size_t waiting_calls_per_connection_max = 3072;
  std::size_t waiting_bytes_max = 32 << 20;  ///< keys and values of consistent writes, undecided
  std::size_t offline_bytes_max = 32 << 20;  ///< keys and values of offline writes, not durable yet
  std::size_t apply_bytes_max = 4 << 20;     ///< entries given to the applier and not applied yet
  std::size_t apply_entries_max = 1024;      ///< likewise: short ones may read much; at least 1
  std::size_t questions_max = 1024;          ///< of callers, at the applier at once; at least 1
};

struct Options {
  std::string name;
  Origin origin;
  std::vector<Origin> old_origins;  ///< that this directory had before
  Incarnation incarnation;
  std::map<std::string, std::string> voters;  ///< id -> address, as this node reaches them
  Duration election_timeout = std::chrono::milliseconds(1000);
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  WallTime build_date;
  std::uint64_t boot_id = 0;
  std::uint64_t journal_bytes_max = 256u << 20;
  Limits limits;
};

/// Names one call of one connection, in both directions. Connections are numbered by the host and
/// never reused.
struct CallHandle {
  std::uint64_t connection = 0;
  std::uint64_t call = 0;
  friend auto operator<=>(const CallHandle&, const CallHandle&) = default;
};

// ---- inputs: what happened

struct CallArrived {
  CallHandle handle;
  wire::Call call;
};
struct ConnectionClosed {
  std::uint64_t connection = 0;
};  ///< nobody waits for its answers any more
/// A connection that we dialled to `peer` stands: say hello.
struct PeerDialled {
  consensus::Peer peer = 0;
};
struct PeerGreeted {
  consensus::Peer peer = 0;
  wire::HelloReply reply;
};
struct PeerLost {
  consensus::Peer peer = 0;
};
/// A connection that we accepted says hello. Links are numbered by the host and never reused.
struct LinkHello {
  std::uint64_t link = 0;
  wire::Hello hello;
};
struct LinkMessage {
  std::uint64_t link = 0;
  consensus::Message message;
};
struct LinkLost {
  std::uint64_t link = 0;
};
struct RaftLogReport {
  storage::LogEffect effect;
};
struct JournalReport {
  storage::LogEffect effect;
};
struct ApplierReport {
  kv::Output output;
};
struct IdentityWritten {};  ///< the new origin of `NewIdentity` is durable
struct Tick {};             ///< next_deadline() has come
struct StopAsked {};

using Input = std::variant<CallArrived, ConnectionClosed, PeerDialled, PeerGreeted, PeerLost,
                           LinkHello, LinkMessage, LinkLost, RaftLogReport, JournalReport,
                           ApplierReport, IdentityWritten, Tick, StopAsked>;

// ---- effects: what must now be done, in this order

struct Answered {
  CallHandle handle;
  wire::Reply reply;
};
struct PeerHello {
  consensus::Peer peer = 0;
  wire::Hello hello;
};  ///< send on the connection that we dialled
struct DropPeer {
  consensus::Peer peer = 0;
  std::string reason;
};  ///< close it; dial again after a pause
struct LinkAnswer {
  std::uint64_t link = 0;
  wire::HelloReply reply;
};  ///< close the link afterwards if it refuses
struct DropLink {
  std::uint64_t link = 0;
  std::string reason;
};
struct PeerSend {
  consensus::Peer peer = 0;
  consensus::Message message;
};
struct LogLine {
  enum class Level : std::uint8_t { debug, info, warn, error } level = Level::info;
  std::string text;
};

struct Effects {
  std::optional<LogIndex>
      mark;  ///< write to the mark file, unsynced, before any message or answer of this step leaves
  std::vector<storage::LogInput> raft_log;
  std::vector<storage::LogInput> journal;
  std::vector<kv::Input> applier;
  std::vector<PeerHello> hellos;
  std::vector<LinkAnswer> link_answers;
  std::vector<PeerSend> messages;
  std::vector<DropPeer> drop_peers;
  std::vector<DropLink> drop_links;
  std::vector<Answered> answers;
  std::vector<LogLine> log;
  /// Write the identity with this origin, durably, then give IdentityWritten.
  std::optional<Origin> new_origin;
  /// After IdentityWritten: end this loop and start again from recovery, in this process.
  bool restart = false;
  bool ready = false;           ///< recovered: local calls are served from now on
  bool stopped = false;         ///< after StopAsked: all is answered and handed over
  std::optional<Error> failed;  ///< final: the node must end and say this

  void clear();
};

/// Owned by the loop thread.
class Loop {
 public:
  /// `recovered`: what recovery read from both logs. The applier's state stands at `applied`.
  Loop(Options options, Recovered recovered, kv::AppliedPosition applied, Stamp greatest_stamp,
       Random random, const Now& now);
  ~Loop();
  Loop(Loop&&) noexcept;
  Loop& operator=(Loop&&) noexcept;

  /// One thing that happened. Never blocks, never fails half-way.
  void step(const Now& now, Input input, Effects& out);
  /// After the inputs that came together: sends and writes what piled up.
  void flush(const Now& now, Effects& out);
  /// step(Tick{}) is due then; the owner has the only timer.
  [[nodiscard]] Instant next_deadline() const;

  /// How many offline writes its journal holds; empty while it does not serve.
  [[nodiscard]] std::optional<std::uint64_t> pending() const;

  /// The number of each member other than this node, and the address to dial.
  [[nodiscard]] std::vector<std::pair<consensus::Peer, std::string>> peers_to_dial() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::node
