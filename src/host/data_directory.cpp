#include "host/data_directory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/system_error.hpp"

namespace causeway::host {
namespace {

constexpr std::string_view kIdentity = "identity";
constexpr std::string_view kIdentityNew = "identity.new";
constexpr std::string_view kLock = "lock";

/// What later stages of a start make; without an identity beside them something was taken away.
constexpr std::array<std::string_view, 5> kMadeLater = {"mark", "log", "journal", "state",
                                                        "ballast"};

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error foreign(const std::string& path, const std::string& name) {
  return {Errc::unavailable, "data directory " + path + " holds " + name +
                                 ", which is not Causeway's: choose an empty or a new directory"};
}

/// Refuses a directory without an identity that is not clearly a new node's.
Result<void> check_new(const std::string& path, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == kLock || name == kIdentityNew) continue;
    if (std::find(kMadeLater.begin(), kMadeLater.end(), name) == kMadeLater.end()) {
      return foreign(path, name);
    }
  }
  for (const std::string_view name : kMadeLater) {
    if (!holds(names, name)) continue;
    return Error{Errc::corrupt, "data directory " + path + " holds " + std::string(name) +
                                    " but no identity file: it was removed; put it back, or "
                                    "start in a new directory"};
  }
  return success();
}

/// All missing directories above `path`; PosixDisk makes the last one.
Result<void> make_parents(const std::string& path) {
  std::filesystem::path absolute(path);
  if (absolute.filename().empty()) absolute = absolute.parent_path();
  if (absolute.parent_path().empty()) return success();
  std::error_code failure;
  std::filesystem::create_directories(absolute.parent_path(), failure);
  if (!failure) return success();
  return system_error("make data directory", path, failure.value());
}

/// What the operating system refused, with what to do about it.
Error with_way_out(Error error) {
  if (error.code == Errc::io) {
    error.detail += ": choose another directory, or give this user the right to";
  }
  return error;
}

/// The directory, made with those above it where it is not there.
Result<PosixDisk> open_directory(const std::string& path) {
  const auto made = make_parents(path);
  auto disk = made ? PosixDisk::open(path) : made.error();
  if (!disk) return with_way_out(std::move(disk).error());
  return disk;
}

std::string read_pid(int lock) {
  char text[24] = {};
  const ssize_t size = ::pread(lock, text, sizeof text - 1, 0);
  std::string pid(text, size < 0 ? 0 : static_cast<std::size_t>(size));
  std::erase_if(pid, [](char c) { return c < '0' || c > '9'; });
  return pid;
}

Result<UniqueFd> take_lock(const PosixDisk& disk) {
  UniqueFd lock(
      ::openat(disk.descriptor(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) {
    return with_way_out(system_error("write in data directory", disk.path(), errno));
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error("lock data directory", disk.path(), errno);
    const std::string pid = read_pid(lock.get());
    return Error{Errc::unavailable, "data directory " + disk.path() +
                                        " is in use by another running node" +
                                        (pid.empty() ? "" : " (process " + pid + ")") +
                                        ": stop that one or choose another directory"};
  }
  // For people only; a full disk must not keep a node from starting.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(lock.get(), pid.data(), pid.size(), 0);
  }
  return lock;
}

}  // namespace

bool DataDirectory::has_identity(const std::string& path) {
  return ::access((path + "/" + std::string(kIdentity)).c_str(), F_OK) == 0;
}

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  if (path.empty()) return Error{Errc::invalid, "data directory: the name is empty"};
  CAUSEWAY_TRY(disk, open_directory(path));
  // Before the lock file is made: nothing of ours goes into somebody else's directory.
  CAUSEWAY_TRY(names, disk.list());
  if (!holds(names, kIdentity)) {
    CAUSEWAY_TRY(check_new(path, names));
  }
  CAUSEWAY_TRY(lock, take_lock(disk));

  DataDirectory directory(std::move(disk), std::move(lock));
  CAUSEWAY_TRY(directory.read_identity());
  return directory;
}

Result<void> DataDirectory::read_identity() {
  CAUSEWAY_TRY(names, disk_.list());  // again: another node may have come before the lock
  if (holds(names, kIdentityNew)) {
    CAUSEWAY_TRY(disk_.remove(kIdentityNew));
  }
  if (!holds(names, kIdentity)) return success();

  auto opened = disk_.open(kIdentity, storage::OpenMode::existing);
  if (!opened) return with_way_out(std::move(opened).error());
  const std::unique_ptr<storage::File> file = std::move(opened).value();
  CAUSEWAY_TRY(size, file->size());
  const std::string name = path() + "/" + std::string(kIdentity);
  constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 20;
  if (size > kBytesMax)
    return Error{Errc::corrupt,
                 name + ": is no identity file: it has " + std::to_string(size) +
                     " bytes: put back the file as it was, or start in a new directory"};
  std::string bytes(size, '\0');
  CAUSEWAY_TRY(got, file->read_at(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  auto decoded = wire::decode_identity(bytes);
  if (!decoded) {
    const bool newer = decoded.error().code == Errc::unavailable;
    return Error{decoded.error().code,
                 name + ": " + decoded.error().detail +
                     (newer ? ": use the version of Causeway that wrote it, or a later one"
                            : ": put back the file as it was, or start in a new directory")};
  }
  identity_ = std::move(decoded).value();
  return success();
}

Result<void> DataDirectory::write_identity(const wire::Identity& identity) {
  // A leftover from a failed try is written over; only the rename makes it count.
  CAUSEWAY_TRY(file, disk_.open(kIdentityNew, storage::OpenMode::either));
  CAUSEWAY_TRY(file->truncate(0));
  CAUSEWAY_TRY(file->write_at(0, wire::encode(identity)));
  CAUSEWAY_TRY(file->sync());
  CAUSEWAY_TRY(disk_.rename(kIdentityNew, kIdentity));
  CAUSEWAY_TRY(disk_.sync_directory());
  identity_ = identity;
  return success();
}

Result<PosixDisk> DataDirectory::subdirectory(std::string_view name) const {
  return PosixDisk::open(path() + "/" + std::string(name));
}

}  // namespace causeway::host
