// storage::Disk over one directory of a POSIX system.
//
// All calls go through the directory's descriptor (openat and its kin): a directory that is moved
// while the node runs stays the same directory, and a name can never lead outside of it.
// Interrupted and short reads and writes are continued here; what an error means is for the logs
// above to decide.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/unique_fd.hpp"
#include "storage/disk.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

class SpaceReserve;

/// Used by one thread at a time; its files may be used by others while it lives or after.
class PosixDisk final : public storage::Disk {
 public:
  /// Opens the directory, which is made (durably) if its parent exists and it does not.
  [[nodiscard]] static Result<PosixDisk> open(std::string path);

  Result<std::vector<std::string>> list() override;
  Result<std::unique_ptr<storage::File>> open(std::string_view name,
                                              storage::OpenMode mode) override;
  Result<void> remove(std::string_view name) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> sync_directory() override;

  /// From now on `reserve` of its files asks here first; refused, it is `disk_full`.
  void set_reserve_limit(SpaceReserve* limit) { limit_ = limit; }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int descriptor() const { return directory_.get(); }

 private:
  PosixDisk(std::string path, UniqueFd directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  [[nodiscard]] std::string path_of(std::string_view name) const;

  std::string path_;
  UniqueFd directory_;
  SpaceReserve* limit_ = nullptr;
};

}  // namespace causeway::host
