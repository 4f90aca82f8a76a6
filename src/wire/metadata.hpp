// The node's identity file: who this data directory is. Small, rarely written, the same on every
// machine.
//
// A Boost.Serialization text archive inside an envelope of ours {magic, format, length, hash}: text
// archives read half of all bit flips as fine, and an older library misreads a newer class, so
// check and format come first. Never taken from the network.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::wire {

inline constexpr std::uint32_t kIdentityFormat = 1;

struct Identity {
  std::string name;
  Origin origin;
  std::vector<Origin>
      old_origins;  ///< taken before this one (a restored image took a new origin), oldest first
  std::string listen;
  std::string advertise;
  std::map<std::string, std::string>
      cluster;  ///< voters of the first start: id -> address, as this node reaches them
  friend bool operator==(const Identity&, const Identity&) = default;
};

[[nodiscard]] std::string encode(const Identity& identity);
/// errors   corrupt (bad magic, length, hash or archive), unavailable (a newer format: the detail
/// says which this build reads)
[[nodiscard]] Result<Identity> decode_identity(std::string_view bytes);

}  // namespace causeway::wire
