#include "net/address.hpp"

#include <charconv>

namespace causeway::net {
namespace {

Error unusable(std::string_view text, const char* why) {
  return {Errc::invalid, "address \"" + std::string(text.substr(0, 200)) + "\": " + why};
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end + 1 != host.size()) {
      return unusable(text, "write an IPv6 address as [ADDRESS]:PORT");
    }
    host = text.substr(1, end - 1);
  } else if (host.find(':') != std::string_view::npos) {
    return unusable(text, "write an IPv6 address as [ADDRESS]:PORT");
  }
  if (host.size() == text.size()) return unusable(text, "the port is missing; write HOST:PORT");
  if (host.empty()) return unusable(text, "the host is missing; write HOST:PORT");
  for (const char c : host) {
    if (c <= ' ' || c == '/' || c == '[' || c == ']' || c == ',' || c == 0x7f) {
      return unusable(text, "a host holds no such characters; write HOST:PORT");
    }
  }
  Address address{.host = std::string(host)};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    return unusable(text, "the port must be a number from 0 to 65535");
  }
  return address;
}

std::string to_string(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  const std::string host = brackets ? "[" + address.host + "]" : address.host;
  return host + ":" + std::to_string(address.port);
}

}  // namespace causeway::net
