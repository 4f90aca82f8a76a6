#include "raw_connection.hpp"

#include <cerrno>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace causeway::test {

using Clock = std::chrono::steady_clock;

RawConnection::RawConnection(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    ::close(socket_);
    throw std::runtime_error("cannot connect to " + address);
  }
  ::fcntl(socket_, F_SETFL, O_NONBLOCK);
}

RawConnection::~RawConnection() {
  if (socket_ >= 0) ::close(socket_);
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      received_(std::move(other.received_)),
      closed_(other.closed_) {}

bool RawConnection::wait_for(short events, Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  pollfd poll{.fd = socket_, .events = events, .revents = 0};
  return left.count() > 0 && ::poll(&poll, 1, static_cast<int>(left.count())) > 0;
}

void RawConnection::read_some() {
  char buffer[65536];
  const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
  if (size > 0) received_.append(buffer, static_cast<std::size_t>(size));
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) closed_ = true;
}

bool RawConnection::send(std::string_view bytes, std::chrono::milliseconds guard) {
  const auto end = Clock::now() + guard;
  while (!bytes.empty() && !closed_) {
    if (!wait_for(POLLIN | POLLOUT, end)) return false;
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
      read_some();  // its last word, if there is one
      closed_ = true;
    }
    if (size < 0) read_some();
  }
  return bytes.empty();
}

void RawConnection::receive(std::size_t enough, std::chrono::milliseconds guard) {
  const auto end = Clock::now() + guard;
  while (received_.size() < enough && !closed_ && wait_for(POLLIN, end)) read_some();
}

bool RawConnection::receive_to_end(std::chrono::milliseconds guard) {
  receive(std::string::npos, guard);
  return closed_;
}

namespace {

std::string big_endian(std::uint32_t number, int bytes) {
  std::string result;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    result += static_cast<char>(number >> shift & 0xff);
  }
  return result;
}

}  // namespace

std::string pack(std::string_view text) {
  if (text.size() < 32) {
    return static_cast<char>(0xa0 | text.size()) + std::string(text);
  }
  return "\xdb" + big_endian(static_cast<std::uint32_t>(text.size()), 4) + std::string(text);
}

std::string pack_number(std::uint32_t number) { return "\xce" + big_endian(number, 4); }

std::string pack_bin(std::string_view bytes) {
  return "\xc6" + big_endian(static_cast<std::uint32_t>(bytes.size()), 4) + std::string(bytes);
}

std::string request(std::uint32_t msgid, std::string_view method, std::string_view params) {
  return std::string("\x94\x00", 2) + pack_number(msgid) + pack(method) + "\x91" +
         std::string(params);
}

std::string pack_map(std::initializer_list<std::string_view> keys_and_values) {
  std::string result(1, static_cast<char>(0x80 | keys_and_values.size() / 2));
  for (const std::string_view part : keys_and_values) result += part;
  return result;
}

bool has_error(std::string_view answer, std::string_view code) {
  return answer.find(pack("code") + pack(code)) != std::string_view::npos;
}

}  // namespace causeway::test
