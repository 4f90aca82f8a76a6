// A node that does as a test says: answers, keeps silent, or dies in the middle.
//
// It is the real net::Server with a script in the node's place, on a thread and a port of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "net/server.hpp"

namespace causeway::test {

/// What the script says of one call.
struct Act {
  enum class Kind { answer, answer_and_die, keep_silent, hold, die } kind = Kind::answer;
  wire::Reply reply;

  static Act answer(wire::Answer answer) { return {Kind::answer, std::move(answer)}; }
  static Act refuse(Errc code, std::string detail, std::string operation = {}) {
    return {Kind::answer,
            wire::CallError{.error = {code, std::move(detail)}, .operation = std::move(operation)}};
  }
  /// As a node does that is told to stop.
  static Act refuse_and_die(Errc code, std::string detail) {
    Act act = refuse(code, std::move(detail));
    act.kind = Kind::answer_and_die;
    return act;
  }
  static Act keep_silent() { return {Kind::keep_silent, {}}; }
  /// Answered by `release`, those held last first.
  static Act hold(wire::Answer answer) { return {Kind::hold, std::move(answer)}; }
  /// Closes every connection and the port, without an answer.
  static Act die() { return {Kind::die, {}}; }
};

using Script = std::function<Act(const wire::Call&)>;

inline Status fake_status() {
  return {.id = "fake",
          .origin = {0xabc},
          .cluster = 7,
          .role = "leader",
          .state = "serving",
          .term = {3},
          .leader = "fake",
          .commit_index = {9},
          .applied_index = {9}};
}

class FakeServer final : public net::ServerHandler {
 public:
  explicit FakeServer(Script script = {}, net::ServerOptions options = {})
      : script_(std::move(script)), options_(options), work_(io_.get_executor()) {
    start(net::Address{"127.0.0.1", 0});
    thread_ = std::thread([this] { io_.run(); });
  }
  ~FakeServer() {
    kill();
    work_.reset();
    thread_.join();
  }

  [[nodiscard]] std::string address() const { return net::to_string(address_); }
  [[nodiscard]] const net::Address& where() const { return address_; }

  /// As kill -9 would.
  void kill() {
    run_there([this] { server_.reset(); });
  }
  /// Again on the same port.
  void revive() {
    run_there([this] { start(address_); });
  }
  /// Sends what was held.
  void release() {
    run_there([this] {
      while (!held_.empty()) {
        if (server_)
          server_->answer(held_.back().connection, held_.back().call, held_.back().reply);
        held_.pop_back();
      }
      if (server_) server_->flush();
    });
  }

  /// The calls that came, without the status with which a client looks whether somebody is there.
  [[nodiscard]] std::vector<wire::Call> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  void wait_for_calls(std::size_t count) const {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return calls_.size() >= count; });
  }

 private:
  struct Held {
    net::ConnectionId connection = 0;
    net::CallId call = 0;
    wire::Reply reply;
  };

  void start(const net::Address& address) {
    server_.emplace(io_, options_, *this);
    if (!server_->listen(address)) std::abort();
    address_ = server_->local_address();
  }
  void run_there(std::function<void()> what) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  void on_call(net::ConnectionId connection, net::CallId call, wire::Call request) override {
    const bool is_status = std::holds_alternative<wire::StatusCall>(request);
    Act act = is_status ? Act::answer(fake_status()) : Act::answer(Response{.valid = true});
    if (script_) act = script_(request);
    if (!is_status) {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(request));
      arrived_.notify_all();
    }
    switch (act.kind) {
      case Act::Kind::answer: server_->answer(connection, call, act.reply); break;
      case Act::Kind::answer_and_die:
        server_->answer(connection, call, act.reply);
        boost::asio::post(io_, [this] { server_.reset(); });
        break;
      case Act::Kind::keep_silent: break;
      case Act::Kind::hold: held_.push_back({connection, call, std::move(act.reply)}); break;
      case Act::Kind::die: boost::asio::post(io_, [this] { server_.reset(); }); break;
    }
  }
  void on_batch_end() override { server_->flush(); }
  void on_connection_closed(net::ConnectionId) override {}
  void on_link_hello(net::LinkId, wire::Hello) override {}
  void on_link_message(net::LinkId, consensus::Message) override {}
  void on_link_closed(net::LinkId) override {}
  void on_log(net::LogLevel, std::string) override {}

  const Script script_;
  const net::ServerOptions options_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::optional<net::Server> server_;
  net::Address address_;
  std::deque<Held> held_;
  mutable std::mutex mutex_;  // guards calls_
  mutable std::condition_variable arrived_;
  std::vector<wire::Call> calls_;
  std::thread thread_;
};

/// A status is answered as always, everything else as `others` says.
inline Script script_for(Script others) {
  return [others = std::move(others)](const wire::Call& call) {
    if (std::holds_alternative<wire::StatusCall>(call)) return Act::answer(fake_status());
    return others(call);
  };
}

/// An address of this machine where nobody listens.
inline std::string dead_address() {
  FakeServer gone;
  return gone.address();
}

}  // namespace causeway::test
