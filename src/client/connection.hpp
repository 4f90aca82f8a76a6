// The client's half of the conversation: one connection to one of several servers, and the calls on
// it.
//
//     idle -> reaching -> proving -> ready -> (lost) -> reaching ...
//
// A server that accepts a connection need not be alive: its process may be stopped, or a proxy may
// stand in front of it. So it has to answer a first small call before anything else is sent
// (proving); until then nothing was sent, and the next server can be tried without a doubt. When
// the connection is lost later, what certainly did nothing goes to the next server, and writes that
// were sent end in doubt.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "client/open_call.hpp"
#include "net/address.hpp"
#include "net/attempt.hpp"
#include "net/channel.hpp"
#include "wire/frame_scanner.hpp"

namespace causeway::client {

/// Lives on the client's thread, which runs `io`. All calls are made there.
class Connection final : public net::ChannelEvents {
 public:
  Connection(boost::asio::io_context& io, std::vector<net::Address> servers,
             Duration connect_timeout);
  ~Connection();

  /// Tries each server once. `done` gets the first that answers, or the error that says why none
  /// did.
  void reach(std::function<void(Result<void>)> done);

  /// Takes a call; `flush` sends those that were taken.
  void call(OpenCall call);
  void flush();

  /// Called with the server in use whenever it changes; empty: none.
  std::function<void(const std::string&)> on_server;

  /// Ends every open call: nobody waits for answers any more.
  void close();

 private:
  enum class State : std::uint8_t { idle, reaching, proving, ready, closed };

  std::size_t on_bytes(std::string_view bytes) override;
  void on_sent() override {}
  void on_lost(std::string reason) override;

  // Finding a server.
  void start_round();
  void try_next();
  void on_connected(net::Socket socket);
  void on_proof(std::string_view frame);
  void attempt_failed(const std::string& reason);
  void round_failed();
  void finish_reaching(Result<void> result);
  void lose();
  void reach_again();

  // Calls.
  void send(std::uint32_t msgid, OpenCall& call);
  void on_answer(std::string_view frame);
  void on_timer();
  void set_timer();
  void set_due(std::uint32_t msgid, OpenCall& call, Clock::time_point due);
  void end_call(std::uint32_t msgid, Result<wire::Answer> answer);
  /// The connection is gone: writes that were sent end in doubt, all else is to be sent again.
  void unsend();
  void end_all(const Error& error);
  [[nodiscard]] bool was_sent(const OpenCall& call) const;
  [[nodiscard]] std::string server() const { return net::to_string(servers_[current_]); }

  boost::asio::io_context& io_;
  const std::vector<net::Address> servers_;
  const Duration connect_timeout_;
  std::shared_ptr<net::ChannelStock> stock_;

  State state_ = State::idle;
  std::size_t current_ = 0;         // index of the server in use or being tried
  std::size_t tried_ = 0;           // servers tried in this round
  std::size_t rounds_ = 0;          // for names with several addresses
  Clock::time_point give_up_at_{};  // a round that fails after this one is the last
  std::string reasons_;             // of this round: "HOST:PORT: why; ..."
  std::function<void(Result<void>)> reached_;
  std::shared_ptr<net::Attempt> attempt_;
  std::shared_ptr<net::Channel> channel_;
  wire::FrameScanner scanner_;
  net::Timer pause_timer_;  // between rounds, and of the proof
  net::Timer due_timer_;    // of the earliest in due_

  std::map<std::uint32_t, OpenCall> calls_;  // in the order in which they were made, until ids wrap
  std::set<std::pair<Clock::time_point, std::uint32_t>> due_;
  std::uint32_t last_msgid_ = 0;  // 0 is the proof's
  std::uint64_t queued_ = 0;      // bytes given to the channel
};

}  // namespace causeway::client
