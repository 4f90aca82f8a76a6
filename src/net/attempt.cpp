#include "net/attempt.hpp"

#include <iterator>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>

namespace causeway::net {

using boost::system::error_code;
using tcp = boost::asio::ip::tcp;

std::shared_ptr<Attempt> Attempt::start(boost::asio::io_context& io, const Address& address,
                                        std::size_t turn, Duration timeout, Done done) {
  std::shared_ptr<Attempt> attempt(new Attempt(io, std::move(done)));
  attempt->timer_.expires_after(timeout);
  attempt->timer_.async_wait([attempt](const error_code& cancelled) {
    if (!cancelled) attempt->fail("it did not answer in time");
  });
  // Not within this call, whatever fails: the caller does not hold the attempt yet.
  boost::asio::post(io, [attempt, address, turn] {
    if (attempt->done_) attempt->resolve(address, turn);
  });
  return attempt;
}

void Attempt::resolve(const Address& address, std::size_t turn) {
  // Looking up costs a thread and may take seconds; most addresses are numbers.
  error_code is_name;
  const auto number = boost::asio::ip::make_address(address.host, is_name);
  if (!is_name) return connect({number, address.port});
  resolver_.async_resolve(address.host, std::to_string(address.port),
                          [self = shared_from_this(), turn](
                              const error_code& error, const tcp::resolver::results_type& found) {
                            if (!self->done_) return;
                            if (error || found.empty())
                              return self->fail("its host is not known: " + error.message());
                            const auto offset = static_cast<std::ptrdiff_t>(turn % found.size());
                            self->connect(std::next(found.begin(), offset)->endpoint());
                          });
}

void Attempt::connect(const tcp::endpoint& endpoint) {
  socket_.async_connect(endpoint, [self = shared_from_this()](const error_code& error) {
    if (self->done_) self->on_connected(error);
  });
}

void Attempt::on_connected(const error_code& error) {
  if (error) return fail(error.message());
  // Dialling a port of this machine where nobody listens may be given that very port as its own,
  // and then TCP connects the socket with itself (RFC 793, simultaneous open) and blocks the port.
  error_code gone;
  if (socket_.local_endpoint(gone) == socket_.remote_endpoint(gone) || gone) {
    return fail("Connection refused");
  }
  finish(std::move(socket_));
}

void Attempt::fail(std::string reason) { finish(Error{Errc::unavailable, std::move(reason)}); }

void Attempt::finish(Result<Socket> result) {
  const Done done = std::exchange(done_, nullptr);
  cancel();
  if (done) done(std::move(result));
}

void Attempt::cancel() {
  done_ = nullptr;
  error_code ignored;
  timer_.cancel();
  resolver_.cancel();
  socket_.close(ignored);
}

}  // namespace causeway::net
