// Which bytes of a log cannot be mistaken for its tail, whatever befalls them.
//
// Damage there must be told from a torn write (design 3.3), and is. The same damage in the last
// batch cannot be, which docs/semantics.md says: a simulation that damages it there shows nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/mem_disk.hpp"

namespace causeway::sim {

struct ProvenPart {
  std::string file;
  std::uint64_t end = 0;  ///< from the file's beginning up to here
};

/// By what stands durably in the files: below what a durable batch states to be synced, and all of
/// a segment that has a successor. Oldest first; files without such a part are left out.
/// log_name   of the log on this disk: "raft" or "journal"
[[nodiscard]] std::vector<ProvenPart> proven_parts(MemDisk& disk, std::string_view log_name);

}  // namespace causeway::sim
