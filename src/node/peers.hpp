// Who may talk to whom: the handshake, and which connections belong to which member (design 3.4,
// 3.5).
//
// Each pair of nodes has two connections, one dialled by each side; messages go out on the own one
// and come in on the other's. Consensus counts by origin, so a message is passed on only when the
// link it came by shows the same origin and incarnation as the connection that we dialled.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/core.hpp"

namespace causeway::node {

class Peers {
 public:
  explicit Peers(const Options& options);

  /// Raft counts this start: once that is durable, greets those who wait. When the number is raised
  /// because the directory is an old copy, everybody has to hear it. Once for each flush. True:
  /// there is a number now, and was not.
  bool follow_start(Turn& turn);
  /// The state knows of a start.
  void started(const kv::OriginStart& start);
  /// The state has just learnt of it: who is connected as an older start has to say hello again.
  void applied(Turn& turn, const kv::OriginStart& start);

  /// A start of this directory is known whose number is not below that of this one: exceeds it.
  /// Ends a start that has to do so again and again, since a copy does the same beside it.
  void overtaken(Turn& turn, std::uint64_t known);

  void dialled(Turn& turn, consensus::Peer peer);
  void greeted(Turn& turn, consensus::Peer peer, const wire::HelloReply& reply);
  void lost(Turn& turn, consensus::Peer peer);
  void hello(Turn& turn, std::uint64_t link, const wire::Hello& hello);
  void message(Turn& turn, std::uint64_t link, consensus::Message message);
  void link_lost(std::uint64_t link);
  /// Removes messages to members without a connection, which nobody would send.
  void keep_sendable(std::vector<PeerSend>& messages) const;

 private:
  struct Identity {
    Origin origin;
    Incarnation incarnation;
    std::uint64_t start_number = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
    /// An old copy, or it has not noticed that it ended.
    [[nodiscard]] bool is_older_than(const kv::OriginStart& start) const;
  };
  struct Member {
    std::string name;
    bool dialled = false;  ///< a connection stands; hello may be under way
    bool up = false;       ///< greeted: messages may go
    Identity identity;     ///< of the connection that we dialled; valid while `up`
    Origin shown;          ///< by the newest handshake
  };
  struct Link {
    consensus::Peer peer = 0;
    Identity identity;
  };

  /// Every node applies what is in the log, so what a peer wants there must be a command, and its
  /// own.
  [[nodiscard]] static bool may_forward(const consensus::Forward& forward, Origin origin);
  [[nodiscard]] wire::Hello own_hello(const Core& core) const;
  /// Why `hello` is not welcome; empty: it is. `exceed` is set when its start number is too low.
  [[nodiscard]] std::string refusal(const Core& core, const wire::Hello& hello,
                                    std::uint64_t& exceed) const;
  void drop_links(Turn& turn, consensus::Peer peer, const Identity& other_than);
  void drop_all(Turn& turn);
  void shown(Member& member, const wire::Hello& hello);
  void heard_of(const kv::OriginStart& start);

  std::vector<Member> members_;  ///< by peer number, this node included
  std::map<std::uint64_t, Link> links_;
  std::uint64_t voters_hash_ = 0;
  struct Newest {
    kv::OriginStart start;
    bool in_state = false;  ///< otherwise it is known as long as its member shows that origin
  };
  /// Of each origin the newest start heard of, by handshake or from the state.
  std::map<Origin, Newest> newest_;
  int raises_ = 0;                                              ///< of the number of this start
  std::optional<std::uint64_t> start_number_;                   ///< as it was at the last flush
  std::vector<std::pair<std::uint64_t, wire::Hello>> waiting_;  ///< links, for that number
};

}  // namespace causeway::node
