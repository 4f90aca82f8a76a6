// A connection that may send anything, for tests of what a node does with it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "waiting.hpp"

namespace causeway::test {

class RawConnection {
 public:
  /// address  HOST:PORT, the host an IPv4 address. Throws where nobody answers.
  explicit RawConnection(const std::string& address);
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept;
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  /// False: the other side closed before it had taken all. What comes back meanwhile is kept.
  bool send(std::string_view bytes, std::chrono::milliseconds guard = kGuard);
  /// Until `enough` bytes have come, the other side closed, or the guard is reached.
  void receive(std::size_t enough, std::chrono::milliseconds guard = kGuard);
  /// Until the other side closes; false: the guard was reached.
  [[nodiscard]] bool receive_to_end(std::chrono::milliseconds guard = kGuard);

  [[nodiscard]] const std::string& received() const { return received_; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  bool wait_for(short events, std::chrono::steady_clock::time_point end);
  void read_some();

  int socket_ = -1;
  std::string received_;
  bool closed_ = false;
};

// ---- MessagePack by hand: also what no library would write

[[nodiscard]] std::string pack(std::string_view text);  ///< a str
[[nodiscard]] std::string pack_number(std::uint32_t number);
[[nodiscard]] std::string pack_bin(std::string_view bytes);
/// A request [0, msgid, method, [params]]; `params` is packed already.
[[nodiscard]] std::string request(std::uint32_t msgid, std::string_view method,
                                  std::string_view params);
/// A map of pairs that are packed already.
[[nodiscard]] std::string pack_map(std::initializer_list<std::string_view> keys_and_values);

/// Does this answer carry that error code?
[[nodiscard]] bool has_error(std::string_view answer, std::string_view code);

}  // namespace causeway::test
