// Room on the disk that is kept for the state, so that a full disk stops writes and nothing else.
//
// Both logs reserve whole segments, so they meet a full disk at a seam: the append is refused, the
// node goes on. RocksDB does not: it holds writes in memory, and when a flush finds no room it
// refuses everything until somebody clears that up. So
//   - a ballast file stands in the data directory; when free space runs low, whoever used it up, it
//     is given up for RocksDB;
//   - a log gets no new segment out of that last room: the appends end before the flushes do.
// What is still in the logs' open segments when the disk is full is less than the reserve, so all
// of it can be applied and flushed. The ballast comes back when there is plenty of room again.
#pragma once

#include <cstdint>
#include <mutex>

#include "host/posix_disk.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

/// Shared by the log thread (`allows`) and the apply thread (`watch`). The disk outlives it.
class SpaceReserve {
 public:
  /// `directory`: the data directory. Takes the ballast if there is plenty of room.
  explicit SpaceReserve(PosixDisk& directory);

  /// A log may take `bytes` more: the reserve remains.
  [[nodiscard]] bool allows(std::uint64_t bytes);

  /// To be called now and then: gives the ballast up, or takes it again. True: room is scarce, only
  /// what must be written should be.
  bool watch();

 private:
  void take();
  void give_up();

  PosixDisk& directory_;
  std::mutex mutex_;
  std::uint64_t bytes_ = 0;  // of the reserve: 16 MB, or an eighth of a small disk
  bool held_ = false;        // as the ballast file
};

}  // namespace causeway::host
