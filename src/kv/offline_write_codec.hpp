// An offline write to bytes and back, as it stands in a settle command and in the journal's index.
//
// One layout for both, so that what is proposed is what was journalled
// (docs/formats.md#offline-write). Canonical: each write has exactly one encoding, and a decoder
// takes nothing else.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "crdt/version.hpp"
#include "kv/raw_bytes.hpp"
#include <causeway/result.hpp>

namespace causeway::kv {

/// Size of an item in a settle command. `replaces` and the dot's origin are not part of it.
[[nodiscard]] std::size_t item_size(const crdt::OfflineWrite& write);
/// The least that any item takes: bounds a claimed count before anything is allocated for it.
inline constexpr std::size_t kItemSizeMin = 65;

void write_item(RawWriter& out, const crdt::OfflineWrite& write);

/// Reads one item of `origin`'s; its value is left empty and its bytes are returned, for the caller
/// to slice or copy. Nothing: malformed.
[[nodiscard]] std::optional<std::string_view> read_item(ByteReader& in, Origin origin,
                                                        crdt::OfflineWrite& write);

/// A record of the journal's index: the whole write, origin and `replaces` included.
[[nodiscard]] std::string encode_pending(const crdt::OfflineWrite& write);
[[nodiscard]] Result<crdt::OfflineWrite> decode_pending(std::string_view record);

}  // namespace causeway::kv
