// What stands behind the last good batch of the newest segment: nothing, a torn write, or the proof
// of damage.
//
// The bytes behind a bad batch cannot be walked (its length may be what is broken), so they are
// searched for batch headers at every offset. A header that passes its checksum, which is seeded
// with the segment's identity and the offset, was written there by this log: even when its body is
// torn, what it states about the sync before it is true.
//
// A read that goes astray shows no proof that is not there, but misses the one that is, and then
// the log would be cut before what was acknowledged. So it is searched twice before there is said
// to be none.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/disk.hpp"
#include <causeway/result.hpp>

namespace causeway::storage {

struct TailScan {
  bool all_zero = true;  ///< only reserved space: a clean end
  /// A header, and what it states, that says: the file was synced beyond the tail's beginning.
  struct Proof {
    std::uint64_t offset = 0;
    std::uint64_t synced_to = 0;
  };
  std::optional<Proof> damage;
  std::optional<std::uint64_t> newer;  ///< offset of an intact header of a newer format
};

/// Searches [tail, end) of `file`, twice where it finds no proof. errors: io
[[nodiscard]] Result<TailScan> scan_tail(File& file, std::string_view name, std::uint64_t identity,
                                         std::uint64_t tail, std::uint64_t end);

}  // namespace causeway::storage
