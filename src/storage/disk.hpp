// The seam between the logs and a real disk: one directory with flat names, and files in it.
//
// The code above it decides what must be durable in which order; this seam only carries it out, so
// that a simulated disk can lose, tear and reorder whatever was not synced
// (tests/support/mem_disk). It says what a POSIX system promises and nothing more: a write is
// durable after `sync` of its file, a new, removed or renamed name after `sync_directory`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <causeway/result.hpp>

namespace causeway::storage {

/// An open file. One user at a time. Errors: `disk_full` for lack of space or quota, else `io`; the
/// detail names the file.
class File {
 public:
  virtual ~File() = default;

  /// Writes all of `bytes` at `offset`, extending the file if need be. After an error any part may
  /// have been written.
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;

  /// Reads up to `size` bytes at `offset` into `out`; returns how many. Fewer than `size` only at
  /// the end of the file:
  /// interrupted and short reads of the system are continued by the implementation.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, char* out,
                                                    std::size_t size) = 0;

  /// Makes content and size durable (fdatasync). After an error nothing is known about what was
  /// written since the last success, and a second call would lie: the caller must not go on (design
  /// 3.3).
  [[nodiscard]] virtual Result<void> sync() = 0;

  /// Sets the size. What is cut off is gone; what is added reads as zeros.
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;

  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;

  /// Gets space for the first `size` bytes (fallocate) and extends the file to at least that size;
  /// never shrinks it.
  /// What was not written reads as zeros.
  [[nodiscard]] virtual Result<void> reserve(std::uint64_t size) = 0;
};

enum class OpenMode : std::uint8_t {
  create,    ///< must not exist yet
  existing,  ///< must exist
  either,    ///< made empty if it does not exist
};

/// One directory. Names are flat (no separators). Directory changes are durable only after
/// `sync_directory`.
class Disk {
 public:
  virtual ~Disk() = default;

  /// The names of all files, in ascending order.
  [[nodiscard]] virtual Result<std::vector<std::string>> list() = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(std::string_view name,
                                                           OpenMode mode) = 0;
  [[nodiscard]] virtual Result<void> remove(std::string_view name) = 0;
  /// Atomically gives the file another name, replacing a file that had it.
  [[nodiscard]] virtual Result<void> rename(std::string_view from, std::string_view to) = 0;
  [[nodiscard]] virtual Result<void> sync_directory() = 0;
};

}  // namespace causeway::storage
