// One accepted connection: what it turns out to be, and the protocol of that.
//
//     sniffing -> rpc -> ended                          MessagePack-RPC
//              -> refusing -> ended                     the same beyond connections_max
//              -> preamble -> hello -> greeting -> link a peer's link
//
// A session never decides about others: the Server counts, and tells it when its time is up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/channel.hpp"
#include "net/server.hpp"
#include "wire/frame_scanner.hpp"

namespace causeway::net {

class Session;

/// What a session needs of the Server that holds it. Owned by the Server.
class SessionHost {
 public:
  [[nodiscard]] virtual const ServerOptions& options() const = 0;
  [[nodiscard]] virtual const ChannelStock& stock() const = 0;
  virtual ServerHandler& handler() = 0;
  /// There is room for one more of them. Asked once, when the first bytes said what it is.
  [[nodiscard]] virtual bool admit_connection() = 0;
  [[nodiscard]] virtual bool admit_link() = 0;
  /// A session has set a deadline: call `expire` when it has passed.
  virtual void watch(Session& session) = 0;
  /// A stranger's mistake, said in the log as often as is useful.
  virtual void complain(std::string text) = 0;
  /// The session's channel is closed; the session may be destroyed once it has returned.
  virtual void on_session_over(Session& session) = 0;

 protected:
  ~SessionHost() = default;
};

class Session final : public ChannelEvents {
 public:
  enum class Kind : std::uint8_t { unknown, rpc, refused, link };

  Session(SessionHost& host, std::shared_ptr<ChannelStock> stock, std::uint64_t id, Socket socket,
          std::string remote);

  void start();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  /// The owner was told of it: calls were made, or a hello said.
  [[nodiscard]] bool known() const { return known_; }
  Channel& channel() { return *channel_; }

  void answer(CallId call, const wire::Reply& reply);
  /// Only between on_link_hello and the link's end; otherwise nothing happens.
  void answer_link(const wire::HelloReply& reply);
  void flush();
  /// Says nothing more and closes, with a line in the log.
  void fail(const std::string& reason);
  /// Sends what is queued, and closes when the other side does or linger_timeout has passed.
  void end();
  /// The same for a connection that did nothing wrong: where nothing is under way it closes at
  /// once.
  void finish();

  /// When `expire` is to be called; max(): never.
  [[nodiscard]] Clock::time_point deadline() const;
  void expire();

  bool marked_for_flush = false;  ///< the Server's: stands in its list of sessions to flush

 private:
  enum class State : std::uint8_t {
    sniffing,
    rpc,
    refusing,
    preamble,
    hello,
    greeting,
    link,
    ended
  };

  std::size_t on_bytes(std::string_view bytes) override;
  void on_sent() override;
  void on_lost(std::string reason) override;

  void sniff(char first);
  /// Each takes what is complete at the front of `bytes` and returns how much that was.
  std::size_t take(std::string_view bytes);
  std::size_t take_request(std::string_view bytes);
  std::size_t take_preamble(std::string_view bytes);
  std::size_t take_frame(std::string_view bytes);
  void on_request(std::string_view frame);
  void on_broken_request(std::string_view frame, const Error& error);
  void on_frame(const Blob& body);
  void write_frame(std::string_view body);
  void set_frame_deadline(bool began, bool unfinished);
  /// So much of its output waits, or of all connections', that it has to take some first.
  [[nodiscard]] bool crowded() const;
  /// Of what waits on all connections, for a value on this one.
  [[nodiscard]] bool has_room_for(std::size_t answer_bytes) const;
  [[nodiscard]] bool is_open() const { return channel_->open() && state_ != State::ended; }

  SessionHost& host_;
  std::shared_ptr<Channel> channel_;
  std::string remote_;  // who, for the log
  wire::FrameScanner scanner_;
  std::uint64_t id_;
  std::uint64_t serial_ = 0;                               // of calls
  Clock::time_point deadline_ = Clock::time_point::max();  // of the state or of an unfinished frame
  State state_ = State::sniffing;
  Kind kind_ = Kind::unknown;
  bool known_ = false;
};

}  // namespace causeway::net
