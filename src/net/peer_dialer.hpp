// The outgoing half of the talk between nodes: one connection to each peer, dialled again whenever
// it is lost.
//
// A connection carries messages one way, from the node that dialled (wire/peer.hpp); what comes
// back is only the answer to the handshake. Nothing is ever retransmitted: what was queued when a
// connection dies is dropped, and consensus, which must cope with lost messages anyway, sends again
// what still matters. That keeps a slow or dead peer from holding memory.
//
// For each peer the events are: dialled, then at most one greeted, then lost; and so on for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/random.hpp"
#include "base/time.hpp"
#include "net/address.hpp"
#include "net/log.hpp"
#include "wire/peer.hpp"

namespace boost::asio {
class io_context;
}

namespace causeway::net {

/// The owner's number of a peer (consensus::Peer).
using PeerId = std::uint32_t;

struct DialerOptions {
  Duration backoff_min = std::chrono::milliseconds(50);  ///< doubles with each attempt that fails
  Duration backoff_max = std::chrono::seconds(1);      ///< the pause is drawn from [half of it, it]
  Duration connect_timeout = std::chrono::seconds(2);  ///< for a connection to stand
  Duration handshake_timeout = std::chrono::seconds(10);  ///< from then to the answer to our Hello
  /// A peer that acknowledges nothing for so long is lost (TCP_USER_TIMEOUT): its machine is gone
  /// or cut off.
  Duration silence_max = std::chrono::seconds(5);
  std::size_t output_bytes_max = 32u
                                 << 20;  ///< queued for one peer; beyond: the connection is dropped
};

/// What the owner of a PeerDialer learns. Called on the io_context's thread, and never from within
/// a call to the PeerDialer.
class PeerHandler {
 public:
  virtual void on_peer_dialled(PeerId peer) = 0;  ///< a connection stands: say hello
  virtual void on_peer_greeted(PeerId peer, wire::HelloReply reply) = 0;
  virtual void on_peer_lost(PeerId peer) = 0;  ///< once for each on_peer_dialled, also after `drop`
  virtual void on_log(LogLevel level, std::string text) = 0;

 protected:
  ~PeerHandler() = default;
};

/// Owned by the loop thread; every member is called there. The handler outlives it.
class PeerDialer {
 public:
  /// `random` spreads the pauses, so that nodes do not dial in step.
  PeerDialer(boost::asio::io_context& io, DialerOptions options, PeerHandler& handler,
             Random random);
  /// Closes everything at once; the handler hears nothing more.
  ~PeerDialer();
  PeerDialer(const PeerDialer&) = delete;
  PeerDialer& operator=(const PeerDialer&) = delete;

  /// Dials `address` from now on. A peer that is known already moves to the new address.
  void add(PeerId peer, const Address& address);

  /// Queued until `flush`, which gives the kernel all that it takes. Without a connection that
  /// stands nothing happens.
  void send_hello(PeerId peer, const wire::Hello& hello);
  void send(PeerId peer, const consensus::Message& message);
  void flush();

  /// Closes the connection and dials again after a pause; on_peer_lost follows from the event loop.
  void drop(PeerId peer, const std::string& reason);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace causeway::net
