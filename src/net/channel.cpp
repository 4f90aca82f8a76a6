#include "net/channel.hpp"

#include <algorithm>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>

namespace causeway::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void set_option(Socket& socket, int level, int name, int value) {
  // A kernel that does not know one of them serves all the same, only less promptly.
  static_cast<void>(setsockopt(socket.native_handle(), level, name, &value, sizeof value));
}

std::string reason_of(const error_code& error) {
  return error == asio::error::eof ? "the other side closed it" : error.message();
}

}  // namespace

Channel::Channel(std::shared_ptr<ChannelStock> stock, Socket socket, ChannelEvents& events)
    : stock_(std::move(stock)), socket_(std::move(socket)), events_(&events) {
  error_code ignored;  // a socket that cannot do this fails at the first read
  socket_.non_blocking(true, ignored);
}

Channel::~Channel() { close(); }

void Channel::start() { wait_readable(); }

void Channel::resume_reading() {
  paused_ = false;
  wait_readable();
}

void Channel::wait_readable() {
  if (!open_ || paused_ || reading_) return;
  reading_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->reading_ = false;
    self->on_readable(error);
  });
}

void Channel::on_readable(const error_code& error) {
  if (!open_ || paused_) return;
  if (error) return lose(reason_of(error));
  // A short rest goes in front of what is read now, so that the usual case needs no buffer of its
  // own.
  std::vector<char>& scratch = stock_->scratch;
  const std::size_t old_bytes = input_.size() <= scratch.size() / 4 ? input_.size() : 0;
  std::memcpy(scratch.data(), input_.data(), old_bytes);
  error_code failure;
  const std::size_t fresh_bytes = socket_.read_some(
      asio::buffer(scratch.data() + old_bytes, scratch.size() - old_bytes), failure);
  if (failure && failure != asio::error::would_block) return lose(reason_of(failure));
  if (!failure && !ending_) take(fresh_bytes, old_bytes);
  wait_readable();
}

void Channel::take(std::size_t fresh_bytes, std::size_t old_bytes) {
  const std::string_view scratch(stock_->scratch.data(), old_bytes + fresh_bytes);
  if (old_bytes == input_.size()) {
    const std::size_t used = events_->on_bytes(scratch);
    if (open_ && (used < scratch.size() || !input_.empty()))
      keep(std::string(scratch.substr(used)));
    return;
  }
  // Out of our hands while its owner looks at it: the owner may close us.
  std::string whole = std::exchange(input_, {});
  stock_->input_bytes -= whole.size();
  whole.append(scratch);
  whole.erase(0, events_->on_bytes(whole));
  if (open_) keep(std::move(whole));
}

void Channel::keep(std::string rest) {
  stock_->input_bytes += rest.size();
  stock_->input_bytes -= input_.size();
  input_ = std::move(rest);
}

void Channel::borrow_buffer() {
  if (stock_->spare.empty()) return;
  stock_->spare.back().append(output_);
  output_.swap(stock_->spare.back());
  stock_->spare.pop_back();
}

void Channel::return_buffer() {
  output_.clear();
  sent_ = 0;
  if (output_.capacity() <= kSmall) return;
  if (output_.capacity() <= ChannelStock::kSpareBytesMax &&
      stock_->spare.size() < ChannelStock::kSpareMax) {
    stock_->spare.push_back(std::move(output_));
  }
  output_ = std::string();
}

void Channel::flush() {
  if (!open_ || writing_) return;
  while (queued() != 0) {
    error_code error;
    const std::size_t taken =
        socket_.write_some(asio::buffer(output_.data() + sent_, queued()), error);
    if (error == asio::error::would_block) {
      if (blocked_since_ == Clock::time_point::max()) {
        blocked_since_ = Clock::now();
        taken_since_ = 0;
      }
      // Bytes that were sent must not pile up in front of a queue that never gets empty.
      if (sent_ > output_.size() / 2) {
        output_.erase(0, sent_);
        sent_ = 0;
        if (output_.capacity() > kSmall) output_.shrink_to_fit();
      }
      return wait_writable();
    }
    if (error) {
      // Our caller may stand in the middle of something: it learns this from the event loop.
      asio::post(stock_->io,
                 [self = shared_from_this(), reason = reason_of(error)] { self->lose(reason); });
      return;
    }
    sent_ += taken;
    written_ += taken;
    stock_->output_bytes -= taken;
    taken_since_ += taken;
    // A byte now and then is no progress: it would hold a full queue for ever.
    if (taken_since_ >= kProgressBytes) blocked_since_ = Clock::time_point::max();
  }
  blocked_since_ = Clock::time_point::max();
  return_buffer();
  if (ending_ && !shut_) {
    shut_ = true;
    error_code ignored;  // where it fails the connection is gone, and reading tells
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
}

void Channel::wait_writable() {
  writing_ = true;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
    self->writing_ = false;
    self->on_writable(error);
  });
}

void Channel::on_writable(const error_code& error) {
  if (!open_) return;
  if (error) return lose(reason_of(error));
  flush();
  if (open_) events_->on_sent();
}

void Channel::end() {
  if (!open_ || ending_) return;
  ending_ = true;
  flush();
  resume_reading();
}

void Channel::close() {
  if (!open_) return;
  open_ = false;
  error_code ignored;
  socket_.close(ignored);
  stock_->output_bytes -= queued();
  stock_->input_bytes -= input_.size();
  output_ = std::string();
  input_ = std::string();
  sent_ = 0;
}

void Channel::lose(std::string reason) {
  if (!open_) return;
  close();
  events_->on_lost(std::move(reason));
}

bool Channel::input_is_empty() {
  error_code ignored;
  return input_.empty() && socket_.available(ignored) == 0;
}

void Channel::set_up(Socket& socket, std::chrono::seconds idle) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  const int seconds = static_cast<int>(idle.count());
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 4));
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

void Channel::set_silence_max(Socket& socket, std::chrono::milliseconds silence) {
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silence.count()));
}

}  // namespace causeway::net
