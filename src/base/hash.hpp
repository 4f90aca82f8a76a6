// XXH3 (64 bits): checksums of what lasts, and the running hashes of log and journal.
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway {

/// XXH3 of `bytes`, seeded. Not cryptographic: it finds accidents, not attackers.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace causeway
