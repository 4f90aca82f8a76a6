// What is to happen once, some time from now.
//
// std::function allocates for whatever captures more than two words, which is nearly all that a
// simulation schedules. This one keeps it in place, can only be moved, and is called at most once.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace causeway::sim {

class Action {
 public:
  Action() = default;
  template <std::invocable Work>
  requires(!std::same_as<std::remove_cvref_t<Work>, Action>) Action(Work&& work) {
    using Kept = std::remove_cvref_t<Work>;
    if constexpr (sizeof(Kept) <= kBytes && alignof(Kept) <= alignof(std::max_align_t)) {
      ::new (place_) Kept(std::forward<Work>(work));
      kind_ = &kKind<Kept>;
    } else {
      *this = Action([far = std::make_unique<Kept>(std::forward<Work>(work))] { (*far)(); });
    }
  }
  Action(Action&& other) noexcept { take(other); }
  Action& operator=(Action&& other) noexcept {
    if (this == &other) return *this;
    drop();
    take(other);
    return *this;
  }
  ~Action() { drop(); }

  void operator()() { kind_->call(place_); }

 private:
  static constexpr std::size_t kBytes = 80;

  struct Kind {
    void (*call)(void* work);
    /// Moves it elsewhere and destroys what is left.
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void* work) noexcept;
  };
  template <class Kept>
  static constexpr Kind kKind = {
      .call = [](void* work) { (*static_cast<Kept*>(work))(); },
      .move =
          [](void* from, void* to) noexcept {
            ::new (to) Kept(std::move(*static_cast<Kept*>(from)));
            static_cast<Kept*>(from)->~Kept();
          },
      .destroy = [](void* work) noexcept { static_cast<Kept*>(work)->~Kept(); }};

  void take(Action& other) noexcept {
    kind_ = std::exchange(other.kind_, nullptr);
    if (kind_ != nullptr) kind_->move(other.place_, place_);
  }
  void drop() noexcept {
    if (const Kind* kind = std::exchange(kind_, nullptr)) kind->destroy(place_);
  }

  alignas(std::max_align_t) std::byte place_[kBytes];
  const Kind* kind_ = nullptr;
};

}  // namespace causeway::sim
