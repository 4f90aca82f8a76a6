#include "sim/proven_parts.hpp"

#include <algorithm>
#include <utility>

#include "storage/segment_format.hpp"

namespace causeway::sim {
namespace {

storage::DecodedSegmentHeader header_of(std::string_view bytes) {
  return storage::decode_segment_header(
      bytes.substr(0, static_cast<std::size_t>(storage::kSegmentHeaderBytes)));
}

/// Up to where a batch of the file states that it was synced.
std::uint64_t stated(std::string_view bytes, std::uint64_t identity) {
  std::uint64_t synced_to = 0;
  for (std::uint64_t at = storage::kSegmentHeaderBytes; at < bytes.size();) {
    const std::string_view rest = bytes.substr(static_cast<std::size_t>(at));
    const auto decoded =
        storage::decode_batch_header(rest.substr(0, storage::kBatchHeaderBytes), identity, at);
    if (decoded.state != storage::BatchState::good) break;
    const std::uint64_t whole = storage::kBatchHeaderBytes + decoded.header.body_bytes;
    if (whole > rest.size()) break;
    synced_to = std::max(synced_to, decoded.header.synced_to);
    at += whole;
  }
  return synced_to;
}

}  // namespace

std::vector<ProvenPart> proven_parts(MemDisk& disk, std::string_view log_name) {
  std::vector<ProvenPart> parts;
  const auto names = disk.list();
  if (!names) return parts;
  std::vector<std::pair<std::uint64_t, std::string>> files;
  for (const std::string& name : names.value()) {
    const std::uint64_t number = storage::segment_number_of(log_name, name);
    if (number != 0) files.emplace_back(number, name);
  }
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string_view bytes = disk.durable_contents(files[i].second);
    const auto header = header_of(bytes);
    if (header.state != storage::HeaderState::good) continue;
    std::uint64_t end = stated(bytes, header.header.identity);
    if (i + 1 < files.size()) {
      const auto next = header_of(disk.durable_contents(files[i + 1].second));
      if (next.state == storage::HeaderState::good) end = next.header.previous_bytes;
    }
    if (end != 0) parts.push_back({.file = files[i].second, .end = end});
  }
  return parts;
}

}  // namespace causeway::sim
