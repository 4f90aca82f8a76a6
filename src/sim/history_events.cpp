#include "sim/history_events.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

namespace causeway::sim {
namespace {

using OperationKind = Operation::Kind;
using Outcome = Operation::Outcome;

class Events {
 public:
  explicit Events(const std::vector<const Operation*>& operations) : operations_(operations) {
    for (const Operation* operation : operations_) note_writer(*operation);
    for (const Operation* operation : operations_) note_answer(*operation);
    for (std::size_t i = 0; i < operations_.size(); ++i) add(i);
    std::stable_sort(events_.begin(), events_.end(),
                     [](const Event& a, const Event& b) { return a.from < b.from; });
  }

  [[nodiscard]] std::vector<Event> take() { return std::move(events_); }

 private:
  struct Use {
    std::vector<const Operation*> writers;
    std::uint64_t first_seen = kNever;  // the first answer that shows it
    bool known = false;                 // some answer depends on whether it stood there
  };

  static bool writes(const Operation& operation) {
    return operation.written && operation.outcome != Outcome::mismatch &&
           operation.outcome != Outcome::did_not_happen;
  }

  void note_writer(const Operation& operation) {
    if (writes(operation)) uses_[*operation.written].writers.push_back(&operation);
  }

  void note_answer(const Operation& operation) {
    if (operation.outcome == Outcome::did_not_happen || operation.outcome == Outcome::unknown)
      return;
    const bool swapped =
        operation.kind == OperationKind::swap && operation.outcome == Outcome::done;
    shown(swapped ? operation.expected : operation.found, operation.answered);
    // What a call was compared with shows nothing where it did not match; but it must not be taken
    // for a value that nobody knows.
    if (operation.outcome == Outcome::mismatch) depended_on(operation.expected);
  }

  // A swap that is known to have happened shows in turn what it was compared with.
  void shown(const std::optional<std::string>& value, std::uint64_t by) {
    depended_on(value);
    const std::optional<std::string>* each = &value;
    while (*each) {
      Use& use = uses_[**each];
      if (use.first_seen <= by) return;
      use.first_seen = by;
      if (use.writers.size() != 1) return;
      each = &use.writers.front()->expected;
    }
  }

  // Where a value matters, so does what a swap had to find to write it.
  void depended_on(const std::optional<std::string>& value) {
    std::vector<const std::optional<std::string>*> open = {&value};
    while (!open.empty()) {
      const auto& each = *open.back();
      open.pop_back();
      if (!each || std::exchange(uses_[*each].known, true)) continue;
      for (const Operation* writer : uses_[*each].writers) open.push_back(&writer->expected);
    }
  }

  KeyState state_of(const std::optional<std::string>& value) {
    if (!value) return kAbsent;
    if (!uses_[*value].known) return kNobodySaw;
    const auto next = static_cast<KeyState>(kFirstValue + states_.size());
    return states_.try_emplace(*value, next).first->second;
  }

  void add(std::size_t index) {
    const Operation& operation = *operations_[index];
    if (operation.outcome == Outcome::did_not_happen) return;
    const bool unknown = operation.outcome == Outcome::unknown;
    if (unknown && operation.kind == OperationKind::get) return;
    Event event{.from = operation.called,
                .until = unknown ? kNever : operation.answered,
                .optional = unknown,
                .operation = index};
    if (writes(operation)) {
      const Use& use = uses_[*operation.written];
      if (use.writers.size() == 1 && use.first_seen != kNever) {  // it happened, by then
        event.optional = false;
        event.until = std::min(event.until, use.first_seen);
      }
    }
    switch (operation.kind) {
      case OperationKind::get: event.value = state_of(operation.found); break;
      case OperationKind::set:
        event.act = Act::write;
        event.value = state_of(operation.written);
        break;
      case OperationKind::remove:
        event.act = Act::remove;
        if (!unknown) event.was_there = operation.was_there;
        break;
      case OperationKind::swap:
        event.expected = state_of(operation.expected);
        if (operation.outcome == Outcome::mismatch) {
          event.act = Act::differs;
          events_.push_back(event);
          event.act = Act::read;
          event.value = state_of(operation.found);
        } else {
          event.act = Act::replace;
          event.value = state_of(operation.written);
          // It made one value that does not matter of another.
          if (event.expected == kNobodySaw) return;
        }
        break;
    }
    events_.push_back(event);
  }

  const std::vector<const Operation*>& operations_;
  std::unordered_map<std::string, Use> uses_;
  std::unordered_map<std::string, KeyState> states_;
  std::vector<Event> events_;
};

}  // namespace

std::optional<KeyState> apply(const Event& event, KeyState state) {
  switch (event.act) {
    case Act::read: return event.value == state ? std::optional(state) : std::nullopt;
    case Act::differs: return event.expected != state ? std::optional(state) : std::nullopt;
    case Act::write: return event.value;
    case Act::remove:
      if (event.was_there && *event.was_there != (state != kAbsent)) return std::nullopt;
      return kAbsent;
    case Act::replace: return event.expected == state ? std::optional(event.value) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<KeyState> needed_state(const Event& event) {
  if (event.act == Act::read) return event.value;
  return event.act == Act::replace ? std::optional(event.expected) : std::nullopt;
}

std::optional<KeyState> made_state(const Event& event) {
  if (event.act == Act::remove) return kAbsent;
  const bool makes = event.act == Act::write || event.act == Act::replace;
  return makes ? std::optional(event.value) : std::nullopt;
}

bool is_blind(const Event& event) {
  return event.act == Act::write || (event.act == Act::remove && !event.was_there);
}

std::vector<Event> events_of(const std::vector<const Operation*>& operations) {
  return Events(operations).take();
}

}  // namespace causeway::sim
