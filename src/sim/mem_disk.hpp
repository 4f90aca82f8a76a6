// A disk in memory that forgets what a real one may forget.
//
// Tests on a real file system see a crash as a kill: everything written is still there. Here
// `crash` keeps an arbitrary part of what was not synced, by 512-byte sector and out of order, some
// torn within a sector, and an arbitrary part of unsynced names. Faults are asked for by counting:
// "the third write from now".
// Header only, so that the tests of a lower folder need no library above it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "sim/mem_bytes.hpp"
#include "storage/disk.hpp"
#include <causeway/result.hpp>

namespace causeway::sim {

/// Counts down calls: due at the nth from now.
class Countdown {
 public:
  void set(std::uint64_t nth) { left_ = nth; }
  /// To be called once per operation. True exactly once, at the nth.
  bool hit() { return left_ != 0 && --left_ == 0; }

 private:
  std::uint64_t left_ = 0;
};

/// Copying copies the whole image; open files stay with the original.
class MemDisk : public storage::Disk {
 public:
  MemDisk() = default;
  MemDisk(const MemDisk& other) { *this = other; }
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

  // ---- faults; `nth` counts from now, 1 is the next one

  /// The nth write fails with `code` after `part` of its bytes.
  void fail_write(std::uint64_t nth, Errc code, std::size_t part = 0);
  /// The nth sync of a file fails, and as on Linux its changes count as clean from then on: reads
  /// go on showing them, a later sync does not write them. `seed` draws the part of them that had
  /// reached the disk before; 0: none.
  void fail_sync(std::uint64_t nth, Errc code = Errc::io, std::uint64_t seed = 0);
  void fail_sync_directory(std::uint64_t nth) { failing_sync_directory_.set(nth); }
  /// At the nth changing operation (write, truncate, reserve, sync, names) the power goes: that one
  /// may or may not have happened, and everything fails from there on until `crash` or `kill`.
  void power_off(std::uint64_t nth) { power_off_.set(nth); }
  [[nodiscard]] bool power_is_off() const { return off_; }
  /// The nth read returns what stands `distance` bytes further on; the nth write lands there.
  void misdirect_read(std::uint64_t nth, std::uint64_t distance);
  void misdirect_write(std::uint64_t nth, std::uint64_t distance);
  void fail_read(std::uint64_t nth) { failing_read_.set(nth); }
  /// No read returns more than this from now on (against the contract). 0: as asked for.
  void read_at_most(std::size_t bytes) { read_bytes_max_ = bytes; }
  /// All files together cannot grow beyond this. Default: no bound.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
  /// Nothing that was asked for by counting happens any more.
  void disarm();
  /// What was asked for by counting.
  enum class Strike : std::uint8_t { write, sync, read, power };
  /// Called when it happens.
  std::function<void(Strike)> on_struck;

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
  // To be called once per operation of its kind. True: it is to fail.
  bool strikes(Countdown& countdown, Strike what);

  Names visible_names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;

  std::uint64_t epoch_ = 0;  // of crashes and kills: handles of an earlier one are dead
  bool off_ = false;
  std::uint64_t operations_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;

  Countdown power_off_;
  Countdown failing_write_;
  Errc write_code_ = Errc::io;
  std::size_t write_part_ = 0;
  Countdown failing_sync_;
  Errc sync_code_ = Errc::io;
  std::uint64_t sync_seed_ = 0;
  Countdown failing_sync_directory_;
  Countdown failing_read_;
  Countdown misdirected_read_;
  Countdown misdirected_write_;
  std::uint64_t distance_ = 0;
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

// ---- faults and bytes at rest

inline void MemDisk::fail_write(std::uint64_t nth, Errc code, std::size_t part) {
  failing_write_.set(nth);
  write_code_ = code;
  write_part_ = part;
}

inline void MemDisk::fail_sync(std::uint64_t nth, Errc code, std::uint64_t seed) {
  failing_sync_.set(nth);
  sync_code_ = code;
  sync_seed_ = seed;
}

inline void MemDisk::disarm() {
  for (Countdown* each : {&power_off_, &failing_write_, &failing_sync_, &failing_sync_directory_,
                          &failing_read_, &misdirected_read_, &misdirected_write_})
    each->set(0);
}

inline void MemDisk::misdirect_read(std::uint64_t nth, std::uint64_t distance) {
  misdirected_read_.set(nth);
  distance_ = distance;
}

inline void MemDisk::misdirect_write(std::uint64_t nth, std::uint64_t distance) {
  misdirected_write_.set(nth);
  distance_ = distance;
}

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

inline bool MemDisk::strikes(Countdown& countdown, Strike what) {
  if (!countdown.hit()) return false;
  if (on_struck) on_struck(what);
  return true;
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
