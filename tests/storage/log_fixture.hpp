// What the tests of the log share: small segments, records that say what they are, and opening with
// all records collected.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "sim/mem_disk.hpp"
#include "storage/segment_format.hpp"
#include "storage/segmented_log.hpp"

namespace causeway::testing {

using sim::MemDisk;

inline constexpr std::uint32_t kTestKind = 0x54534554;

struct Seen {
  std::uint8_t type = 0;
  std::string body;
  std::uint64_t key = 0;
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};

inline storage::LogOptions small_segments(std::uint64_t bytes = 8192) {
  return {.name = "test", .kind = kTestKind, .segment_bytes_max = bytes, .vital_bytes = 256};
}

inline std::string segment_name(std::uint64_t number) {
  return storage::segment_file_name("test", number);
}

/// A record's bytes: its number and `size` more that depend on it.
inline std::string body_of(std::uint64_t number, std::size_t size = 40) {
  std::string body = "record " + std::to_string(number) + ':';
  Random bytes(number);
  for (std::size_t i = 0; i < size; ++i) body.push_back(static_cast<char>('a' + bytes.below(26)));
  return body;
}

inline Result<void> append_one(storage::SegmentedLog& log, std::uint64_t key, std::string_view body,
                               storage::Space space = storage::Space::ordinary) {
  const storage::RecordView record{.type = 1, .head = {}, .body = body};
  return log.append(key, std::span(&record, 1), space);
}

/// The result of opening the log in `disk`, and what its visitor saw.
struct Opened {
  std::optional<storage::SegmentedLog> log;
  std::vector<Seen> seen;
  Error error;

  explicit operator bool() const { return log.has_value(); }
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> all;
    for (const Seen& one : seen) all.push_back(one.body);
    return all;
  }
};

inline Opened open_log(MemDisk& disk, storage::LogOptions options = small_segments(),
                       std::uint64_t seed = 1) {
  Opened opened;
  Random random(seed);
  Result<storage::SegmentedLog> log =
      storage::SegmentedLog::open(disk, std::move(options), random,
                                  [&opened](const storage::RecordRef& record) -> Result<void> {
                                    opened.seen.push_back({.type = record.type,
                                                           .body = std::string(record.body),
                                                           .key = record.key,
                                                           .segment = record.segment,
                                                           .offset = record.offset});
                                    return success();
                                  });
  if (log) {
    opened.log = std::move(log).value();
  } else {
    opened.error = std::move(log).error();
  }
  return opened;
}

inline storage::SegmentedLog must_open(MemDisk& disk,
                                       storage::LogOptions options = small_segments(),
                                       std::uint64_t seed = 1) {
  Opened opened = open_log(disk, std::move(options), seed);
  INFO(opened.error.detail);
  REQUIRE(opened);
  return std::move(*opened.log);
}

struct Read {
  std::vector<Seen> seen;
  bool reached_end = false;
};

inline Read read_from(storage::SegmentedLog& log, std::uint64_t key,
                      std::size_t bytes_max = SIZE_MAX) {
  Read read;
  const Result<storage::ReadStop> stop =
      log.read_from(key, bytes_max, [&read](const storage::RecordRef& record) -> Result<void> {
        read.seen.push_back({.type = record.type,
                             .body = std::string(record.body),
                             .key = record.key,
                             .segment = record.segment,
                             .offset = record.offset});
        return success();
      });
  REQUIRE(stop);
  read.reached_end = stop.value() == storage::ReadStop::end;
  return read;
}

/// The detail names this file (and, if given, says this offset): what a person needs to find the
/// place.
inline bool names_place(const Error& error, std::string_view file,
                        std::optional<std::uint64_t> offset = std::nullopt) {
  std::string place(file);
  if (offset) place += ", offset " + std::to_string(*offset) + ":";
  return error.detail.find(place) != std::string::npos;
}

}  // namespace causeway::testing
