#include "host/space_reserve.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include <sys/statvfs.h>

namespace causeway::host {
namespace {

constexpr std::string_view kBallast = "ballast";
constexpr std::uint64_t kReserveBytesMax = std::uint64_t{16} << 20;

struct Room {
  std::uint64_t free = 0;
  std::uint64_t total = 0;
};

/// Empty where the file system does not say: then nothing is reserved and nothing refused.
std::optional<Room> room_of(const PosixDisk& disk) {
  struct statvfs info {};
  if (::fstatvfs(disk.descriptor(), &info) != 0 || info.f_blocks == 0) return std::nullopt;
  return Room{.free = std::uint64_t{info.f_bavail} * info.f_frsize,
              .total = std::uint64_t{info.f_blocks} * info.f_frsize};
}

}  // namespace

SpaceReserve::SpaceReserve(PosixDisk& directory) : directory_(directory) {
  // One of an earlier start may have another size, or be half made.
  static_cast<void>(directory_.remove(kBallast));
  if (const auto room = room_of(directory_)) {
    bytes_ = std::min(kReserveBytesMax, room->total / 8);
    static_cast<void>(watch());
  }
}

bool SpaceReserve::allows(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto room = room_of(directory_);
  return !room || room->free + (held_ ? bytes_ : 0) >= bytes_ + bytes;
}

bool SpaceReserve::watch() {
  const std::lock_guard lock(mutex_);
  const auto room = room_of(directory_);
  if (!room || bytes_ == 0) return false;
  // Far apart, so that giving it up is not itself the plenty of room that brings it back.
  if (held_ && room->free < bytes_ / 2) give_up();
  if (!held_ && room->free >= 3 * bytes_) take();
  return !held_;
}

void SpaceReserve::take() {
  const auto file = directory_.open(kBallast, storage::OpenMode::either);
  held_ = file && file.value()->reserve(bytes_);
  if (!held_) give_up();
}

void SpaceReserve::give_up() {
  static_cast<void>(directory_.remove(kBallast));
  held_ = false;
}

}  // namespace causeway::host
