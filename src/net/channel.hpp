// One TCP connection as bytes in and bytes out, for everything above that has a protocol.
//
// Asynchronous reads into a buffer of each connection's own cost 64 KiB for every client that
// merely stays connected; small buffers cost a system call for every few requests. So a Channel
// only waits until its socket is readable and then reads at once into one large buffer that all
// channels of a thread share. What is not a complete message yet is kept aside, and usually that is
// nothing. The same holds for output: a buffer is borrowed from a small stock when there is
// something to send and goes back when it has been sent. An idle connection is some 700 bytes here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/check.hpp"

namespace causeway::net {

using Clock = std::chrono::steady_clock;
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// What the channels of one io_context share. Owned by them together; used on its thread only.
struct ChannelStock {
  static constexpr std::size_t kScratchBytes = 64u << 10;
  static constexpr std::size_t kSpareMax = 16;
  static constexpr std::size_t kSpareBytesMax = 256u << 10;  // a larger buffer is not kept

  explicit ChannelStock(boost::asio::io_context& context) : io(context), scratch(kScratchBytes) {}

  boost::asio::io_context& io;
  std::vector<char> scratch;
  std::vector<std::string> spare;  // empty, with capacity
  std::size_t input_bytes = 0;     // kept aside by all channels
  std::size_t output_bytes = 0;    // queued by all channels
};

/// What the owner of a channel learns, from the event loop only: never from within its own calls.
class ChannelEvents {
 public:
  /// `bytes` are all that is not consumed yet. Returns how many from the front are done with. Its
  /// owner may close the channel meanwhile.
  virtual std::size_t on_bytes(std::string_view bytes) = 0;
  /// Some of the output was taken after the socket had been full.
  virtual void on_sent() = 0;
  /// The connection is gone, and the channel closed. The last event.
  virtual void on_lost(std::string reason) = 0;

 protected:
  ~ChannelEvents() = default;
};

/// Owned by whoever speaks the protocol; pending operations keep it alive after that.
/// Invariants: after `close` or `on_lost` there are no more events; at most one wait in each
/// direction is under way.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(std::shared_ptr<ChannelStock> stock, Socket socket, ChannelEvents& events);
  ~Channel();

  /// Begins to read.
  void start();

  /// Lets `fill(std::string&)` append to what is to be sent. Nothing is sent before `flush`.
  template <class Fill>
  void write(Fill&& fill) {
    if (!open_ || ending_) return;
    if (output_.capacity() < kSmall) borrow_buffer();
    const std::size_t before = output_.size();
    std::forward<Fill>(fill)(output_);
    CAUSEWAY_CHECK(output_.size() >= before);
    stock_->output_bytes += output_.size() - before;
  }
  /// Gives the kernel as much as it takes now; the rest follows when it takes more.
  void flush();

  /// A channel that does not read lets its peer wait. What has been read is handed over all the
  /// same.
  void pause_reading() { paused_ = true; }
  void resume_reading();

  /// Sends what is queued, then says that no more will come. Input is thrown away from now on, so
  /// that the kernel does not answer unread bytes with a reset that would overtake our last words.
  /// on_lost follows when the other side closes too.
  void end();
  /// At once, without an event.
  void close();

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] std::size_t queued() const { return output_.size() - sent_; }
  [[nodiscard]] std::size_t kept() const { return input_.size(); }
  /// Bytes that the kernel has taken since the beginning.
  [[nodiscard]] std::uint64_t written() const { return written_; }
  /// Since when it has taken none, or hardly any, although there were some; max() when all is well.
  [[nodiscard]] Clock::time_point blocked_since() const { return blocked_since_; }
  /// Nothing has arrived that was not read.
  [[nodiscard]] bool input_is_empty();

  /// TCP_NODELAY, and keepalive after `idle` of silence, so that a peer whose machine is gone is
  /// noticed.
  static void set_up(Socket& socket, std::chrono::seconds idle);
  /// Also gives up when what was sent is not acknowledged for so long.
  static void set_silence_max(Socket& socket, std::chrono::milliseconds silence);

 private:
  static constexpr std::size_t kSmall = 1024;  // capacity that an idle channel may keep
  static constexpr std::size_t kProgressBytes = 64u << 10;  // taken: it is no longer blocked

  void wait_readable();
  void on_readable(const boost::system::error_code& error);
  void take(std::size_t fresh_bytes, std::size_t old_bytes);
  void wait_writable();
  void on_writable(const boost::system::error_code& error);
  void lose(std::string reason);
  void borrow_buffer();
  void return_buffer();
  void keep(std::string rest);

  std::shared_ptr<ChannelStock> stock_;
  Socket socket_;
  ChannelEvents* events_;
  std::string input_;   // not consumed yet
  std::string output_;  // [sent_, size()) is still to be sent
  std::size_t sent_ = 0;
  std::uint64_t written_ = 0;
  std::size_t taken_since_ = 0;  // blocked_since_
  Clock::time_point blocked_since_ = Clock::time_point::max();
  bool open_ = true;
  bool reading_ = false;  // a wait is under way
  bool writing_ = false;
  bool paused_ = false;
  bool ending_ = false;
  bool shut_ = false;  // our direction is closed
};

}  // namespace causeway::net
