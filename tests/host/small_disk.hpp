// A file system of a few megabytes, for tests of what happens when it is full. Needs the right to
// mount.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <sys/mount.h>

#include "host/posix_disk.hpp"
#include "temp_dir.hpp"

namespace causeway::testing {

class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) : path_(dir_.path_of("small")) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
    if (!mounted_) MESSAGE("skipped: this user may not mount a tmpfs");
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TempDir dir_;
  std::string path_;
  bool mounted_ = false;
};

inline host::PosixDisk open_disk(const std::string& path) {
  auto disk = host::PosixDisk::open(path);
  REQUIRE(disk.has_value());
  return std::move(disk).value();
}

}  // namespace causeway::testing
