// Reads the batches of one segment file in order, with checksums, through one buffer.
//
// A batch may be 16 MiB and most are a few hundred bytes: reading each with calls of its own would
// cost two system calls per batch, and believing a damaged length would cost memory that a small
// machine does not have. So the file is read in 64 KiB chunks, and the buffer grows only for a
// batch whose header has passed its checksum and whose body lies within the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/disk.hpp"
#include "storage/segment_format.hpp"
#include <causeway/result.hpp>

namespace causeway::storage {

/// Reads exactly [offset, offset + size) of `file`, or up to its end. Says so when a read fails,
/// with `name` and offset.
/// Continues after short reads, also of a Disk that does not keep its word: fewer bytes must never
/// look like the end of a log.
[[nodiscard]] Result<std::string_view> read_up_to(File& file, std::string_view name,
                                                  std::uint64_t offset, std::size_t size,
                                                  std::string& buffer);

/// The error with "NAME, offset N: " before its text.
[[nodiscard]] Error at_place(std::string_view name, std::uint64_t offset, Error error);

class BatchReader {
 public:
  static constexpr std::size_t kChunkBytes = 64 << 10;

  enum class Found : std::uint8_t {
    batch,
    end,    ///< the limit is reached exactly
    bad,    ///< what stands here is not an intact batch
    newer,  ///< an intact header of a format that this version does not know
  };

  /// Begins at `offset`. `limit` is where the content ends: nothing at or behind it is looked at.
  BatchReader(File& file, std::string name, std::uint64_t identity, std::uint64_t offset,
              std::uint64_t limit)
      : file_(file), name_(std::move(name)), identity_(identity), next_(offset), limit_(limit) {}

  /// Reads the next batch and checks it whole. After `bad` or `newer` the reader stays where it is.
  /// errors: io
  [[nodiscard]] Result<Found> next();

  /// Reads the next batch's header only and passes over its body. errors: io
  [[nodiscard]] Result<Found> skip();

  // Of the batch last found:
  [[nodiscard]] const BatchHeader& header() const { return header_; }
  // Until the next call, and not after skip():
  [[nodiscard]] std::string_view body() const { return whole_.substr(kBatchHeaderBytes); }
  [[nodiscard]] std::string_view whole() const { return whole_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Where the next batch begins, or the one that was bad.
  [[nodiscard]] std::uint64_t end() const { return next_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Result<Found> read_header();
  Result<std::string_view> view(std::uint64_t offset, std::size_t size);

  File& file_;
  std::string name_;
  std::uint64_t identity_;
  std::uint64_t next_;
  std::uint64_t limit_;
  std::string buffer_;
  std::string_view held_;  // what the buffer holds of the file, from held_at_ on
  std::uint64_t held_at_ = 0;
  BatchHeader header_;
  std::string_view whole_;
  std::uint64_t offset_ = 0;
};

}  // namespace causeway::storage
