#include "host/posix_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/space_reserve.hpp"
#include "host/system_error.hpp"

namespace causeway::host {
namespace {

/// The call, repeated while a signal interrupts it.
template <class Call>
auto uninterrupted(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

class PosixFile final : public storage::File {
 public:
  PosixFile(std::string name, UniqueFd file, SpaceReserve* limit)
      : name_(std::move(name)), file_(std::move(file)), limit_(limit) {}

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = uninterrupted([&] {
        return ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (written < 0) return system_error("write", name_, errno);
      // POSIX lets a regular file answer 0 only for a request of 0; taken as success it would loop.
      if (written == 0) return system_error("write", name_, EIO);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return success();
  }

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) override {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t read = uninterrupted([&] {
        return ::pread(file_.get(), out + got, size - got, static_cast<off_t>(offset + got));
      });
      if (read < 0) return system_error("read", name_, errno);
      if (read == 0) break;  // the end of the file, and nothing but that
      got += static_cast<std::size_t>(read);
    }
    return got;
  }

  Result<void> sync() override {
    // EINTR is an error like any other here: whether the pages are still dirty is not known.
    if (::fdatasync(file_.get()) != 0) return system_error("sync", name_, errno);
    return success();
  }

  Result<void> truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(file_.get(), static_cast<off_t>(size)); }) != 0) {
      return system_error("truncate", name_, errno);
    }
    return success();
  }

  Result<std::uint64_t> size() override {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) return system_error("read the size of", name_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<void> reserve(std::uint64_t size) override {
    CAUSEWAY_TRY(old, this->size());
    if (limit_ != nullptr && size > old && !limit_->allows(size - old)) {
      return system_error("reserve", name_, ENOSPC);
    }
    const int failed =
        uninterrupted([&] { return ::fallocate(file_.get(), 0, 0, static_cast<off_t>(size)); });
    if (failed == 0) return success();
    if (errno != EOPNOTSUPP && errno != ENOSYS) return system_error("reserve", name_, errno);
    return reserve_by_writing(size);
  }

 private:
  /// For file systems without fallocate. glibc's posix_fallocate would touch a byte of each block,
  /// and race with nobody here; but zeros written in order are kinder to flash and give the same
  /// space.
  Result<void> reserve_by_writing(std::uint64_t size) {
    CAUSEWAY_TRY(old, this->size());
    const std::string zeros(std::size_t{64} << 10, '\0');
    for (std::uint64_t at = old; at < size;) {
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), size - at));
      CAUSEWAY_TRY(write_at(at, std::string_view(zeros).substr(0, piece)));
      at += piece;
    }
    return success();
  }

  std::string name_;
  UniqueFd file_;
  SpaceReserve* limit_;
};

int flags_of(storage::OpenMode mode) {
  switch (mode) {
    case storage::OpenMode::create: return O_CREAT | O_EXCL;
    case storage::OpenMode::existing: return 0;
    case storage::OpenMode::either: return O_CREAT;
  }
  return 0;
}

/// Makes `path`, and its entry in the parent durable. False: it was there.
Result<bool> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) {
    if (errno == EEXIST) return false;
    return system_error("make directory", path, errno);
  }
  const UniqueFd parent(::open((path + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) {
    return system_error("sync the directory above", path, errno);
  }
  return true;
}

}  // namespace

Result<PosixDisk> PosixDisk::open(std::string path) {
  CAUSEWAY_TRY(made, make_directory(path));
  static_cast<void>(made);
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return system_error("open directory", path, errno);
  return PosixDisk(std::move(path), std::move(directory));
}

std::string PosixDisk::path_of(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

Result<std::vector<std::string>> PosixDisk::list() {
  // A descriptor of its own: readdir's position belongs to the open directory.
  const int fd = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error("open directory", path_, errno);
  DIR* const stream = ::fdopendir(fd);
  if (stream == nullptr) {
    const Error error = system_error("list", path_, errno);
    ::close(fd);
    return error;
  }
  std::vector<std::string> names;
  int failure = 0;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream);
    if (entry == nullptr) {
      failure = errno;
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(stream);
  if (failure != 0) return system_error("list", path_, failure);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<storage::File>> PosixDisk::open(std::string_view name,
                                                       storage::OpenMode mode) {
  const std::string flat(name);
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags_of(mode);
  UniqueFd file(
      uninterrupted([&] { return ::openat(directory_.get(), flat.c_str(), flags, 0644); }));
  if (!file) return system_error("open", path_of(name), errno);
  return std::unique_ptr<storage::File>(
      std::make_unique<PosixFile>(path_of(name), std::move(file), limit_));
}

Result<void> PosixDisk::remove(std::string_view name) {
  if (::unlinkat(directory_.get(), std::string(name).c_str(), 0) != 0) {
    return system_error("remove", path_of(name), errno);
  }
  return success();
}

Result<void> PosixDisk::rename(std::string_view from, std::string_view to) {
  if (::renameat(directory_.get(), std::string(from).c_str(), directory_.get(),
                 std::string(to).c_str()) != 0) {
    return system_error("rename to " + std::string(to), path_of(from), errno);
  }
  return success();
}

Result<void> PosixDisk::sync_directory() {
  if (::fsync(directory_.get()) != 0) return system_error("sync directory", path_, errno);
  return success();
}

}  // namespace causeway::host
