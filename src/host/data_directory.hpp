// The directory that a node lives in: locked while it runs, and known by its identity file.
//
//     DIR/identity   who this is (wire::Identity); the first thing written, so that its absence
//                    says "nothing has begun here"
//     DIR/lock       held with flock by the running node; holds its process id, for the message to
//                    the second one
//     DIR/mark       the newest commit mark (mark_file.hpp)
//     DIR/ballast    room kept for the state (space_reserve.hpp)
//     DIR/log/       the Raft log      DIR/journal/   the journal's log      DIR/state/   RocksDB
//
// A directory is used only when it is clear what it is. Absent or empty: a new node's. With an
// identity: that node's. With nothing but what a crash in the first moments of a first start
// leaves: still a new node's. Anything else is somebody's data.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "host/posix_disk.hpp"
#include "host/unique_fd.hpp"
#include "wire/metadata.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

class DataDirectory {
 public:
  /// A look without touching anything: a node has lived there.
  [[nodiscard]] static bool has_identity(const std::string& path);

  /// Makes the directory if need be, locks it and reads who it is.
  /// errors   unavailable (another running node has it, files that are not ours, a newer format),
  /// corrupt (the identity is
  ///          damaged or missing), io, disk_full; the detail names the directory and the way out
  [[nodiscard]] static Result<DataDirectory> open(const std::string& path);

  /// Empty: this is the first start.
  [[nodiscard]] const std::optional<wire::Identity>& identity() const { return identity_; }

  /// Durable, and the old one or the new one whatever happens.
  [[nodiscard]] Result<void> write_identity(const wire::Identity& identity);

  /// A directory in it, made if need be.
  [[nodiscard]] Result<PosixDisk> subdirectory(std::string_view name) const;

  [[nodiscard]] PosixDisk& disk() { return disk_; }
  [[nodiscard]] const std::string& path() const { return disk_.path(); }

 private:
  DataDirectory(PosixDisk disk, UniqueFd lock) : disk_(std::move(disk)), lock_(std::move(lock)) {}
  Result<void> read_identity();

  PosixDisk disk_;
  UniqueFd lock_;  // the lock goes when it is closed, also by a crash
  std::optional<wire::Identity> identity_;
};

}  // namespace causeway::host
