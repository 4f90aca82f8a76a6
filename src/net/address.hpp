// HOST:PORT as people write it: `127.0.0.1:7400`, `[::1]:7400`, `node-1.lan:7400`.
//
// IPv6 addresses hold colons themselves, so they stand in brackets; anything else with two colons
// is refused with that advice instead of being guessed at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <causeway/result.hpp>

namespace causeway::net {

struct Address {
  std::string host;  ///< without brackets; an IPv4 or IPv6 address, or a name
  std::uint16_t port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};

/// Reads HOST:PORT. Names are not looked up here.
/// errors   invalid: the detail quotes `text` and says what it should look like
[[nodiscard]] Result<Address> parse_address(std::string_view text);

/// HOST:PORT, with brackets around an IPv6 address: what parse_address reads.
[[nodiscard]] std::string to_string(const Address& address);

}  // namespace causeway::net
