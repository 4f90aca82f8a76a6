// One attempt to open a connection: look the name up, connect, and give up after a while.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/time.hpp"
#include "net/address.hpp"
#include "net/channel.hpp"
#include <causeway/result.hpp>

namespace causeway::net {

using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>,
                                                boost::asio::io_context::executor_type>;

/// Owned by who started it; pending operations keep it alive. `done` is called once, from the event
/// loop, unless the attempt was cancelled before.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  /// errors   unavailable: the detail says why, without the address
  using Done = std::function<void(Result<Socket>)>;

  /// `turn` picks one of the addresses that a name has, so that the next attempt can try the next.
  static std::shared_ptr<Attempt> start(boost::asio::io_context& io, const Address& address,
                                        std::size_t turn, Duration timeout, Done done);
  void cancel();

 private:
  using Resolver =
      boost::asio::ip::basic_resolver<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

  Attempt(boost::asio::io_context& io, Done done)
      : resolver_(io), socket_(io), timer_(io), done_(std::move(done)) {}
  void resolve(const Address& address, std::size_t turn);
  void connect(const boost::asio::ip::tcp::endpoint& endpoint);
  void on_connected(const boost::system::error_code& error);
  void fail(std::string reason);
  void finish(Result<Socket> result);

  Resolver resolver_;
  Socket socket_;
  Timer timer_;
  Done done_;  // empty: over
};

}  // namespace causeway::net
