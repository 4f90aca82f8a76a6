// The one port of a node: peers and RPC clients, told apart by the first byte.
//
// 0xC1 opens a peer's link, an upper-case letter would be HTTP and 0x16 TLS (neither is served yet:
// such a connection is closed with a log line), anything else is MessagePack-RPC. All of it runs on
// the one thread that runs the io_context: no locks, and what arrived together is handed over
// together. Two things make it fast: a readable connection is read in one large piece, of which
// every complete request is handed over before `on_batch_end`; and answers only pile up until
// `flush` sends those of each connection in one write. An idle connection owns no buffer (see
// Channel).
//
// Everything that arrives is from strangers: sizes, counts and times have limits, and who breaks
// one loses its own connection only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "net/address.hpp"
#include "net/log.hpp"
#include "wire/peer.hpp"
#include "wire/rpc.hpp"
#include <causeway/result.hpp>

namespace boost::asio {
class io_context;
}

namespace causeway::net {

/// Connections of clients and links of peers are counted together, from 1 upwards; a number is
/// never used again.
using ConnectionId = std::uint64_t;
using LinkId = std::uint64_t;

/// Names one call of its connection, also where a client uses one msgid twice. The owner only hands
/// it back.
using CallId = std::uint64_t;

struct ServerOptions {
  /// Of clients; beyond: `exhausted` to the first request, then closed.
  std::size_t connections_max = 1024;
  /// Of peers, counted apart: clients can never shut peers out.
  std::size_t links_max = 64;
  wire::FrameLimits frames;  ///< of one request
  wire::CallLimits calls;
  /// Answers that a connection has not taken yet. Beyond, it is not read from, and answers that
  /// only carry values are replaced by `exhausted`; what a write became is always said.
  std::size_t output_bytes_max = 16u << 20;
  /// The same over all connections; beyond, it holds for each that has not taken all of its own.
  std::size_t output_bytes_max_total = 32u << 20;
  /// Beyond, answers of more than `small_answer_bytes` that only carry values are replaced on every
  /// connection: thousands that take nothing may each wait for one.
  std::size_t output_bytes_limit = 64u << 20;
  std::size_t small_answer_bytes = 4u << 10;
  /// Of requests and messages that are still arriving, all together.
  std::size_t input_bytes_max_total = 32u << 20;
  /// From accept to the first byte; for peers, to the answer to their Hello.
  Duration handshake_timeout = std::chrono::seconds(10);
  /// From the first byte of a request or message to its last.
  Duration frame_timeout = std::chrono::seconds(30);
  /// A connection that takes none of its answers for so long (or less than 64 KiB) is closed.
  Duration write_timeout = std::chrono::seconds(30);
  /// For a last answer to be taken before a connection is closed.
  Duration linger_timeout = std::chrono::seconds(2);
};

/// What the owner of a Server learns. Called on the io_context's thread, and never from within a
/// call to the Server.
class ServerHandler {
 public:
  virtual void on_call(ConnectionId connection, CallId call, wire::Call request) = 0;
  /// Once for each connection that made a call: nobody waits for its answers any more.
  virtual void on_connection_closed(ConnectionId connection) = 0;

  /// A peer says who it is: answer_link says whether it is welcome. Nothing else comes from it
  /// before that.
  virtual void on_link_hello(LinkId link, wire::Hello hello) = 0;
  virtual void on_link_message(LinkId link, consensus::Message message) = 0;
  /// Once for each link that said hello, also after drop_link and after an answer that refuses.
  virtual void on_link_closed(LinkId link) = 0;

  /// All that one read brought has been handed over. Other connections may be ready behind it: an
  /// owner that posts its work to the io_context gathers theirs too.
  virtual void on_batch_end() = 0;

  virtual void on_log(LogLevel level, std::string text) = 0;

 protected:
  ~ServerHandler() = default;
};

/// A port that is taken but not open yet: who connects is refused until a Server listens with it.
class Listener {
 public:
  /// Port 0 picks one.
  /// errors   invalid (no such host), io (in use, not permitted: the detail says which address and
  /// what to do)
  [[nodiscard]] static Result<Listener> bind(boost::asio::io_context& io, const Address& address);
  ~Listener();
  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) noexcept;

  /// With the port that was picked.
  [[nodiscard]] Address address() const;

 private:
  friend class Server;
  struct State;
  explicit Listener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Owned by the loop thread; every member is called there. The handler outlives it.
class Server {
 public:
  Server(boost::asio::io_context& io, ServerOptions options, ServerHandler& handler);
  /// Closes everything at once; the handler hears nothing more.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens; port 0 picks one.
  /// errors   invalid (no such host), io (in use, not permitted: the detail says which address and
  /// what to do)
  [[nodiscard]] Result<void> listen(const Address& address);
  /// The same on a port taken before, on the same io_context.
  [[nodiscard]] Result<void> listen(Listener listener);
  /// Where it listens, with the port that was picked.
  [[nodiscard]] Address local_address() const;

  /// Queues the answer; `flush` sends it. A connection that is gone is fine: nothing happens.
  void answer(ConnectionId connection, CallId call, const wire::Reply& reply);
  /// The answer to on_link_hello. One that refuses closes the link behind it.
  void answer_link(LinkId link, const wire::HelloReply& reply);
  /// Closes a link; on_link_closed follows from the event loop.
  void drop_link(LinkId link, const std::string& reason);
  /// Sends what was queued since the last time: one write for each connection that has something.
  void flush();

  /// For when everything is answered: accepts and reads nothing more, sends what is queued, closes.
  /// `done` is called when all is closed, soon after linger_timeout at the latest. The handler
  /// hears nothing more but log lines.
  void finish(std::function<void()> done);

  [[nodiscard]] std::size_t connection_count() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace causeway::net
