// Immutable bytes that many parts of one process hold at once without copying them.
//
// A value's bytes stand in the log's cache, in a batch on its way to the disk, in messages to
// several peers and in a batch to apply, on three threads. They never change, so a count of owners
// is all that is needed: one allocation holds count and bytes. A slice shares the owner of the
// whole and keeps all of it alive.
#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>
#include <utility>

namespace causeway {

class Blob {
 public:
  Blob() = default;

  /// Copies `bytes` into a buffer of its own.
  static Blob copy_of(std::string_view bytes);

  /// Makes a buffer of `size` bytes and lets `fill(char*)` write all of them before anybody else
  /// sees it.
  template <class Fill>
  static Blob build(std::size_t size, Fill&& fill) {
    Blob blob = allocate(size);
    if (size != 0) std::forward<Fill>(fill)(blob.owner_->bytes());
    return blob;
  }

  Blob(const Blob& other) noexcept : owner_(other.owner_), view_(other.view_) { retain(); }
  Blob(Blob&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), view_(std::exchange(other.view_, {})) {}
  Blob& operator=(Blob other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~Blob() { release(); }

  [[nodiscard]] std::string_view view() const { return view_; }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }

  /// The bytes [offset, offset + size) of this blob, sharing its buffer. The range must lie inside.
  [[nodiscard]] Blob slice(std::size_t offset, std::size_t size) const;

  /// Equal bytes.
  friend bool operator==(const Blob& a, const Blob& b) { return a.view_ == b.view_; }

 private:
  struct Owner {
    std::atomic<std::size_t> count{1};
    char* bytes() { return reinterpret_cast<char*>(this + 1); }
  };

  static Blob allocate(std::size_t size);
  void retain() const noexcept {
    if (owner_ != nullptr) owner_->count.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept;

  Owner* owner_ = nullptr;
  std::string_view view_;
};

}  // namespace causeway
