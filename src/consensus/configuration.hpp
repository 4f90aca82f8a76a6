// Who the members are and which origin each name is bound to; a log entry of its own kind (design
// 3.5).
//
// A voter is counted only while it is the very directory that joined: a wiped node under its old
// name has forgotten its votes and acknowledgements. So the log binds each name to an origin. A
// directory that was found to be an old copy of itself has forgotten some of them, too: it is
// barred. The configuration takes effect when it is appended and is undone when it is truncated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Persisted; numbers are never reused.
enum class MemberRole : std::uint8_t { voter = 1, learner = 2 };

struct Member {
  std::string name;  ///< node id, `[a-z0-9._-]{1,64}`
  MemberRole role = MemberRole::voter;
  Origin origin;        ///< {0}: not bound yet
  bool barred = false;  ///< `origin` showed less than it had acknowledged: it is not counted
  friend bool operator==(const Member&, const Member&) = default;
};

struct Configuration {
  std::uint64_t cluster = 0;    ///< drawn by the first leader, never 0; 0 before the first entry
  std::vector<Member> members;  ///< ascending by name; the position is the member's `Peer` number
  friend bool operator==(const Configuration&, const Configuration&) = default;

  [[nodiscard]] std::string encode() const;
  /// Errc::corrupt when `bytes` are not exactly one configuration of a known format.
  [[nodiscard]] static Result<Configuration> decode(std::string_view bytes);
};

}  // namespace causeway::consensus
