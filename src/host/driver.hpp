// One life of a node::Loop between the network, the app, the disks and the clock.
//
// Everything that happens becomes an Input, everything that must be done comes as Effects; here is
// only the carrying out. Inputs that are there together (requests of one read, of several
// connections, reports of both other threads) share one turn: each is stepped at once, and the turn
// ends, in one flush and one carrying out of effects, when the event loop has run what was ready.
// So under load one write, one sync and one message carry many calls, and a lone call waits for
// nobody.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "host/apply_thread.hpp"
#include "host/data_directory.hpp"
#include "host/local_call.hpp"
#include "host/log.hpp"
#include "host/log_thread.hpp"
#include "host/loop_inbox.hpp"
#include "host/past.hpp"
#include "net/peer_dialer.hpp"
#include "net/server.hpp"
#include "node/loop.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

/// Lives on the loop thread, from recovery to the end or to a restart. Everything given by
/// reference outlives it.
class Driver final : private net::ServerHandler, private net::PeerHandler {
 public:
  /// How a life ended.
  enum class End : std::uint8_t { stopped, restart };

  /// ready  is called when local calls are served
  Driver(boost::asio::io_context& io, LoopInbox& inbox, Log& log, DataDirectory& directory,
         Past past, const node::Options& options, std::function<void()> ready);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// errors  io (in use): the detail says which address and what to do
  [[nodiscard]] Result<net::Address> listen(net::Listener listener);

  /// Runs until the life is over. Then the other threads have ended, what the log thread was given
  /// is done, all callbacks were called, and the files are flushed and closed. Meanwhile
  /// `take_mail` is called for each arrival in the inbox.
  [[nodiscard]] Result<End> run();
  void take_mail();

 private:
  // net::ServerHandler
  void on_call(net::ConnectionId connection, net::CallId call, wire::Call request) override;
  void on_connection_closed(net::ConnectionId connection) override;
  void on_link_hello(net::LinkId link, wire::Hello hello) override;
  void on_link_message(net::LinkId link, consensus::Message message) override;
  void on_link_closed(net::LinkId link) override;
  void on_batch_end() override {}
  // net::PeerHandler
  void on_peer_dialled(net::PeerId peer) override;
  void on_peer_greeted(net::PeerId peer, wire::HelloReply reply) override;
  void on_peer_lost(net::PeerId peer) override;
  // both
  void on_log(net::LogLevel level, std::string text) override;

  void dial_peers();
  void step(node::Input input);
  void open_turn();
  void end_turn();
  void carry_out(node::Effects& effects);
  void send(node::Effects& effects);
  void arm_timer();
  void timer_fired();

  void ask_to_stop();
  void fail(Error error);
  void finish();
  void close_net();
  Result<void> close_files();

  boost::asio::io_context& io_;
  LoopInbox& inbox_;
  Log& log_;
  const std::function<void()> ready_;

  // In the order in which one stands on the other.
  std::unique_ptr<SpaceReserve> reserve_;
  std::unique_ptr<RocksdbTable> table_;
  std::unique_ptr<PosixDisk> log_disk_;
  std::unique_ptr<PosixDisk> journal_disk_;
  MarkFile mark_;
  std::unique_ptr<LogThread> log_thread_;
  std::unique_ptr<ApplyThread> apply_thread_;

  node::Loop loop_;
  LocalCalls local_calls_;
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<net::PeerDialer> dialer_;
  boost::asio::steady_timer timer_{io_};
  boost::asio::steady_timer stop_timer_{io_};
  Instant armed_ = Instant::never();

  // The turn. Two of each: one is filled while the other is carried out.
  bool turn_open_ = false;
  Now now_;  // of the open turn
  node::Effects effects_;
  LoopMail mail_;
  std::size_t untaken_bytes_ = 0;  // that the apply thread gave into the open turn

  bool stop_asked_ = false;
  bool finishing_ = false;  // the end has begun: nothing more reaches the loop
  bool restart_ = false;
  std::optional<Error> error_;
};

}  // namespace causeway::host
