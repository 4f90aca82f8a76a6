// A disk in memory that forgets what a real one may forget.
//
// Tests on a real file system see a crash as a kill: everything written is still there. Here
// `crash` keeps an arbitrary part of what was not synced, by 512-byte sector and out of order, some
// torn within a sector, and an arbitrary part of unsynced names.
// Header only, so that the tests of a lower folder need no library above it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "sim/disk_strikes.hpp"
#include "sim/mem_bytes.hpp"
#include "storage/disk.hpp"
#include <causeway/result.hpp>

namespace causeway::sim {

/// Copying copies the whole image; open files and strikes stay with the original.
class MemDisk : public storage::Disk, public DiskStrikes {
 public:
  MemDisk() = default;
  MemDisk(const MemDisk& other) : storage::Disk(), DiskStrikes() { *this = other; }
  MemDisk& operator=(const MemDisk& other);

  // ---- storage::Disk
  Result<std::vector<std::string>> list() override;
  Result<std::unique_ptr<storage::File>> open(std::string_view name,
                                              storage::OpenMode mode) override;
  Result<void> remove(std::string_view name) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> sync_directory() override;

  // ---- crashes; files that were open before answer every call with an error afterwards

  /// Power loss: synced bytes and names survive, of all else an arbitrary part.
  void crash(Random& random);
  /// kill -9: everything written survives, synced or not.
  void kill();

  // ---- faults that last; those that are asked for by counting are DiskStrikes

  [[nodiscard]] bool power_is_off() const { return off_; }
  /// No read returns more than this from now on (against the contract). 0: as asked for.
  void read_at_most(std::size_t bytes) { read_bytes_max_ = bytes; }
  /// All files together cannot grow beyond this. Default: no bound.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

  // ---- the bytes at rest, synced and as read

  [[nodiscard]] std::string contents(std::string_view name) const;
  /// What a power loss now would leave of a file for certain; empty: not even its name.
  [[nodiscard]] std::string_view durable_contents(std::string_view name) const;
  void set_contents(std::string_view name, std::string bytes);
  void flip_bit(std::string_view name, std::uint64_t offset, int bit);
  [[nodiscard]] std::uint64_t bytes() const;
  /// Names and bytes as reads show them: to see that nothing was changed.
  [[nodiscard]] std::map<std::string, std::string> image() const;

  // ---- what has happened so far

  [[nodiscard]] std::uint64_t operations() const { return operations_; }  ///< changing ones
  [[nodiscard]] std::uint64_t reads() const { return reads_; }
  [[nodiscard]] std::uint64_t writes() const { return writes_; }
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }  ///< of files

 private:
  friend class MemFile;

  using BytesPtr = std::shared_ptr<MemBytes>;
  using Names = std::map<std::string, BytesPtr, std::less<>>;
  struct NameChange {
    std::string removed;  // empty: none
    std::string added;    // empty: none
    BytesPtr bytes;       // of `added`
  };

  static void apply(const NameChange& change, Names& names);
  static Error no_power() { return {Errc::io, "the power is off"}; }

  // How much all files together may grow. Summed up only under a bound: every write asks.
  [[nodiscard]] std::uint64_t room() const {
    return capacity_ == UINT64_MAX ? UINT64_MAX : capacity_ - std::min(capacity_, bytes());
  }
  void change(NameChange what);
  // False: the power goes with this operation.
  bool begin_operation();

  Names visible_names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;

  std::uint64_t epoch_ = 0;  // of crashes and kills: handles of an earlier one are dead
  bool off_ = false;
  std::uint64_t operations_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;

  std::size_t read_bytes_max_ = 0;
  std::uint64_t capacity_ = UINT64_MAX;
};

class MemFile : public storage::File {
 public:
  MemFile(MemDisk& disk, MemDisk::BytesPtr bytes)
      : disk_(disk), bytes_(std::move(bytes)), epoch_(disk.epoch_) {}

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (dead()) return MemDisk::no_power();
    const bool powered = disk_.begin_operation();
    ++disk_.writes_;
    if (disk_.strikes(disk_.misdirected_write_, MemDisk::Strike::write)) offset += disk_.distance_;
    if (disk_.strikes(disk_.failing_write_, MemDisk::Strike::write)) {
      bytes = bytes.substr(0, disk_.write_part_);
      bytes_->write(offset, bytes);
      return Error{disk_.write_code_, "write made to fail"};
    }
    const std::uint64_t grows = growth(offset + bytes.size());
    const std::uint64_t left = disk_.room();
    if (grows > left) {
      const std::uint64_t lacking = std::min<std::uint64_t>(grows - left, bytes.size());
      bytes.remove_suffix(static_cast<std::size_t>(lacking));
      if (!bytes.empty()) bytes_->write(offset, bytes);
      return Error{Errc::disk_full, "no space"};
    }
    bytes_->write(offset, bytes);
    if (!powered) return MemDisk::no_power();
    return success();
  }

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) override {
    if (dead()) return MemDisk::no_power();
    ++disk_.reads_;
    if (disk_.strikes(disk_.failing_read_, MemDisk::Strike::read))
      return Error{Errc::io, "read made to fail"};
    if (disk_.strikes(disk_.misdirected_read_, MemDisk::Strike::read)) offset += disk_.distance_;
    const std::string& bytes = bytes_->visible();
    if (offset >= bytes.size()) return std::size_t{0};
    std::size_t taken = std::min(size, bytes.size() - static_cast<std::size_t>(offset));
    if (disk_.read_bytes_max_ != 0) taken = std::min(taken, disk_.read_bytes_max_);
    std::memcpy(out, bytes.data() + offset, taken);
    return taken;
  }

  Result<void> sync() override {
    if (dead()) return MemDisk::no_power();
    if (!disk_.begin_operation()) return MemDisk::no_power();
    ++disk_.syncs_;
    if (disk_.strikes(disk_.failing_sync_, MemDisk::Strike::sync)) {
      if (disk_.sync_seed_ != 0) {
        Random random(disk_.sync_seed_);
        bytes_->keep_part(random);
      }
      bytes_->forget_unsynced();
      return Error{disk_.sync_code_, "sync made to fail"};
    }
    bytes_->sync();
    return success();
  }

  Result<void> truncate(std::uint64_t size) override {
    return change([&] { bytes_->truncate(size); });
  }

  Result<std::uint64_t> size() override {
    if (dead()) return MemDisk::no_power();
    return std::uint64_t{bytes_->visible().size()};
  }

  Result<void> reserve(std::uint64_t size) override {
    if (!dead() && growth(size) > disk_.room()) return Error{Errc::disk_full, "no space"};
    return change([&] { bytes_->reserve(size); });
  }

 private:
  [[nodiscard]] bool dead() const { return disk_.off_ || epoch_ != disk_.epoch_; }
  [[nodiscard]] std::uint64_t growth(std::uint64_t end) const {
    return end - std::min<std::uint64_t>(end, bytes_->visible().size());
  }
  template <class Act>
  Result<void> change(const Act& act) {
    if (dead()) return MemDisk::no_power();
    const bool powered = disk_.begin_operation();
    act();
    if (!powered) return MemDisk::no_power();
    return success();
  }

  MemDisk& disk_;
  MemDisk::BytesPtr bytes_;
  std::uint64_t epoch_;
};

// ---- Disk

inline Result<std::vector<std::string>> MemDisk::list() {
  if (off_) return no_power();
  std::vector<std::string> names;
  for (const auto& [name, bytes] : visible_names_) names.push_back(name);
  return names;
}

inline Result<std::unique_ptr<storage::File>> MemDisk::open(std::string_view name,
                                                            storage::OpenMode mode) {
  if (off_) return no_power();
  const auto found = visible_names_.find(name);
  if (found != visible_names_.end()) {
    if (mode == storage::OpenMode::create) return Error{Errc::io, std::string(name) + " exists"};
    return std::unique_ptr<storage::File>(new MemFile(*this, found->second));
  }
  if (mode == storage::OpenMode::existing) {
    return Error{Errc::io, std::string(name) + " does not exist"};
  }
  const bool powered = begin_operation();
  auto bytes = std::make_shared<MemBytes>();
  change({.removed = {}, .added = std::string(name), .bytes = bytes});
  if (!powered) return no_power();
  return std::unique_ptr<storage::File>(new MemFile(*this, bytes));
}

inline Result<void> MemDisk::remove(std::string_view name) {
  if (off_) return no_power();
  if (!visible_names_.contains(name)) return Error{Errc::io, std::string(name) + " does not exist"};
  const bool powered = begin_operation();
  change({.removed = std::string(name), .added = {}, .bytes = nullptr});
  if (!powered) return no_power();
  return success();
}

inline Result<void> MemDisk::rename(std::string_view from, std::string_view to) {
  if (off_) return no_power();
  const auto found = visible_names_.find(from);
  if (found == visible_names_.end()) return Error{Errc::io, std::string(from) + " does not exist"};
  const bool powered = begin_operation();
  change({.removed = std::string(from), .added = std::string(to), .bytes = found->second});
  if (!powered) return no_power();
  return success();
}

inline Result<void> MemDisk::sync_directory() {
  if (off_ || !begin_operation()) return no_power();
  if (strikes(failing_sync_directory_, Strike::sync))
    return Error{Errc::io, "directory sync made to fail"};
  for (const NameChange& what : pending_names_) apply(what, durable_names_);
  pending_names_.clear();
  return success();
}

// ---- crashes

inline void MemDisk::crash(Random& random) {
  for (const NameChange& what : pending_names_) {
    if (random.below(2) == 0) apply(what, durable_names_);
  }
  pending_names_.clear();
  for (const auto& [name, bytes] : durable_names_) bytes->crash(random);
  visible_names_ = durable_names_;
  kill();
}

inline void MemDisk::kill() {
  ++epoch_;
  off_ = false;
  power_off_.set(0);
}

// ---- bytes at rest

inline std::string MemDisk::contents(std::string_view name) const {
  const auto found = visible_names_.find(name);
  CAUSEWAY_CHECK(found != visible_names_.end());
  return found->second->visible();
}

inline std::string_view MemDisk::durable_contents(std::string_view name) const {
  const auto found = durable_names_.find(name);
  return found == durable_names_.end() ? std::string_view() : found->second->durable();
}

inline void MemDisk::set_contents(std::string_view name, std::string bytes) {
  const auto at_rest = std::make_shared<MemBytes>(std::move(bytes));
  visible_names_.insert_or_assign(std::string(name), at_rest);
  durable_names_.insert_or_assign(std::string(name), at_rest);
}

inline void MemDisk::flip_bit(std::string_view name, std::uint64_t offset, int bit) {
  const auto found = visible_names_.find(name);
  CAUSEWAY_CHECK(found != visible_names_.end());
  found->second->flip_bit(offset, bit);
}

inline std::uint64_t MemDisk::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, file] : visible_names_) sum += file->visible().size();
  return sum;
}

inline std::map<std::string, std::string> MemDisk::image() const {
  std::map<std::string, std::string> all;
  for (const auto& [name, file] : visible_names_) all.emplace(name, file->visible());
  return all;
}

// ---- the machinery

inline MemDisk& MemDisk::operator=(const MemDisk& other) {
  if (this == &other) return *this;
  std::map<const MemBytes*, BytesPtr> copies;  // what stands under two names stays one
  const auto copy_of = [&copies](const BytesPtr& bytes) -> BytesPtr {
    if (bytes == nullptr) return nullptr;
    BytesPtr& copy = copies[bytes.get()];
    if (copy == nullptr) copy = std::make_shared<MemBytes>(*bytes);
    return copy;
  };
  Names visible;
  Names durable;
  std::vector<NameChange> pending;
  for (const auto& [name, bytes] : other.visible_names_) visible.emplace(name, copy_of(bytes));
  for (const auto& [name, bytes] : other.durable_names_) durable.emplace(name, copy_of(bytes));
  for (const NameChange& one : other.pending_names_) {
    pending.push_back({.removed = one.removed, .added = one.added, .bytes = copy_of(one.bytes)});
  }
  visible_names_ = std::move(visible);
  durable_names_ = std::move(durable);
  pending_names_ = std::move(pending);
  capacity_ = other.capacity_;
  kill();
  return *this;
}

inline bool MemDisk::begin_operation() {
  ++operations_;
  off_ = strikes(power_off_, Strike::power);
  return !off_;
}

inline void MemDisk::change(NameChange what) {
  apply(what, visible_names_);
  pending_names_.push_back(std::move(what));
}

inline void MemDisk::apply(const NameChange& change, Names& names) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names.insert_or_assign(change.added, change.bytes);
}

}  // namespace causeway::sim
