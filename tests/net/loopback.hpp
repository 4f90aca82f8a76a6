// What the tests of net share: the event loop turned by hand, a handler that writes down what it
// hears, and a client that is nothing but a socket, so that it can send anything.
//
// Everything runs on the test's own thread and waits for conditions. The one time limit is a guard
// against hanging.
#pragma once

#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include "net/server.hpp"
#include "wire/frame_scanner.hpp"

namespace causeway::net {

inline constexpr std::chrono::seconds kGuard{60};

/// Turns the loop until `condition` holds; false when it never does.
[[nodiscard]] inline bool run_until(boost::asio::io_context& io,
                                    const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kGuard;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// A client without manners. Never blocks: what cannot be sent now is sent while the loop turns.
class RawClient {
 public:
  explicit RawClient(boost::asio::io_context& io, const Address& server, int receive_bytes = 0)
      : io_(io) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_bytes != 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    ::inet_pton(AF_INET, server.host.c_str(), &address.sin_addr);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to the server under test");
    }
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  /// False when the server has closed before all of it was taken.
  bool send(std::string_view bytes) {
    return run_until(io_,
                     [&] {
                       while (!bytes.empty()) {
                         const ssize_t taken =
                             ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                         if (taken < 0) return errno != EAGAIN && (gone_ = true);
                         bytes.remove_prefix(static_cast<std::size_t>(taken));
                       }
                       return true;
                     }) &&
           !gone_;
  }

  /// Sends as much as is taken at once.
  std::size_t offer(std::string_view bytes) {
    const ssize_t taken = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return taken < 0 ? 0 : static_cast<std::size_t>(taken);
  }

  /// Reads what is there. True as soon as the server has closed.
  bool poll() {
    char buffer[65536];
    while (!gone_) {
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) gone_ = true;
      if (got > 0) received_.append(buffer, static_cast<std::size_t>(got));
    }
    return gone_;
  }

  [[nodiscard]] bool wait_closed() {
    return run_until(io_, [this] { return poll(); });
  }
  [[nodiscard]] bool wait_bytes(std::size_t count) {
    return run_until(io_, [&] { return poll(), received_.size() >= count; });
  }
  /// The next whole MessagePack object, or nothing when the server closes first.
  [[nodiscard]] std::string next_frame() {
    std::size_t size = 0;
    static_cast<void>(run_until(io_, [&] {
      poll();
      wire::FrameScanner scanner(wire::FrameLimits{.bytes_max = 64u << 20});
      const auto scan = scanner.scan(received_);
      if (scan.state == wire::FrameScanner::State::complete) size = scan.size;
      return size != 0 || gone_;
    }));
    std::string frame = received_.substr(0, size);
    received_.erase(0, size);
    return frame;
  }
  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  boost::asio::io_context& io_;
  int fd_ = -1;
  bool gone_ = false;
  std::string received_;
};

/// Writes down what it hears, and answers calls as it is told.
class Recorder final : public ServerHandler {
 public:
  struct Heard {
    ConnectionId connection = 0;
    CallId call = 0;
    wire::Call request;
  };

  void on_call(ConnectionId connection, CallId call, wire::Call request) override {
    calls.push_back({connection, call, std::move(request)});
    if (when_called) when_called(calls.back());
  }
  void on_connection_closed(ConnectionId connection) override { closed.push_back(connection); }
  void on_link_hello(LinkId link, wire::Hello hello) override {
    hellos.emplace_back(link, std::move(hello));
    if (when_hello) when_hello(link);
  }
  void on_link_message(LinkId link, consensus::Message message) override {
    messages.emplace_back(link, std::move(message));
  }
  void on_link_closed(LinkId link) override { closed.push_back(link); }
  void on_batch_end() override {
    ++batches;
    if (when_batch_ends) when_batch_ends();
  }
  void on_log(LogLevel, std::string text) override { lines.push_back(std::move(text)); }

  std::deque<Heard> calls;
  std::vector<std::pair<LinkId, wire::Hello>> hellos;
  std::vector<std::pair<LinkId, consensus::Message>> messages;
  std::vector<std::uint64_t> closed;
  std::vector<std::string> lines;
  std::size_t batches = 0;
  std::function<void(Heard&)> when_called;
  std::function<void(LinkId)> when_hello;
  std::function<void()> when_batch_ends;
};

/// A server on a port of its own.
struct Served {
  explicit Served(ServerOptions options = {}) : server(io, options, recorder) {
    REQUIRE(server.listen({"127.0.0.1", 0}));
  }

  /// Answers each get at once with its key as value.
  void answer_gets() {
    recorder.when_called = [this](Recorder::Heard& heard) { answer_key(heard); };
    recorder.when_batch_ends = [this] { server.flush(); };
  }
  void answer_key(const Recorder::Heard& heard) {
    const auto* get = std::get_if<wire::GetCall>(&heard.request);
    answer(heard, get == nullptr ? "" : get->key);
  }
  void answer(const Recorder::Heard& heard, std::string value) {
    Response response{.valid = true, .value = std::move(value)};
    server.answer(heard.connection, heard.call, wire::Answer(std::move(response)));
  }

  boost::asio::io_context io;
  Recorder recorder;
  Server server;
};

inline std::string get_request(std::uint32_t msgid, std::string key) {
  std::string bytes;
  wire::encode_request(msgid, wire::GetCall{.key = std::move(key)}, bytes);
  return bytes;
}

struct Got {
  std::uint32_t msgid = 0;
  std::string value;  // or the error's code
  friend bool operator==(const Got&, const Got&) = default;
};

/// Reads an answer to a get.
inline Got got(std::string_view frame) {
  const auto decoded = wire::decode_reply(frame, wire::CallKind::get);
  if (!decoded) return {0, "undecodable: " + decoded.error().detail};
  Got result{.msgid = decoded.value().msgid.value_or(0)};
  if (const auto* error = std::get_if<wire::CallError>(&decoded.value().reply)) {
    result.value = name_of(error->error.code);
  } else {
    result.value = std::get<Response>(std::get<wire::Answer>(decoded.value().reply)).value;
  }
  return result;
}

}  // namespace causeway::net
