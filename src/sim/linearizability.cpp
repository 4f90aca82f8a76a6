#include "sim/linearizability.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace causeway::sim {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// A key's state: what value stands there.
using State = std::uint32_t;
constexpr State kAbsent = 0;
constexpr State kNobodySaw = 1;  // any of the values that no answer shows
constexpr State kFirstValue = 2;

// What an operation does to the state. A swap that did not match is two of these, read and differs:
// a repeated call is answered with the value that stands there by then (design 3.4).
enum class Act : std::uint8_t { read, differs, write, remove, replace };

struct Event {
  Act act = Act::read;
  std::uint64_t from = 0;
  std::uint64_t until = kNever;
  bool optional = false;          // unknown outcome: may as well never happen
  State value = kAbsent;          // read: found; write, replace: new
  State expected = kAbsent;       // differs, replace
  std::optional<bool> was_there;  // remove with a known answer
  std::size_t operation = 0;
};

// The state after `event`, or nothing where the event cannot happen now.
std::optional<State> apply(const Event& event, State state) {
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

// ---- From what clients saw to events

class Events {
 public:
  explicit Events(const std::vector<const Operation*>& operations) : operations_(operations) {
    for (const Operation* operation : operations_) count_values(*operation);
    for (std::size_t i = 0; i < operations_.size(); ++i) add(i);
    std::stable_sort(events_.begin(), events_.end(),
                     [](const Event& a, const Event& b) { return a.from < b.from; });
  }

  [[nodiscard]] std::vector<Event> take() { return std::move(events_); }

 private:
  struct Use {
    std::size_t writers = 0;
    std::uint64_t first_seen = kNever;  // the first answer that shows it
    bool compared = false;
  };

  void count_values(const Operation& operation) {
    if (operation.outcome == Outcome::did_not_happen) return;
    if (operation.written && operation.outcome != Outcome::mismatch) {
      ++uses_[*operation.written].writers;
    }
    // What a call was compared with shows nothing where it did not match or is in doubt; but it
    // must not be taken for a value that nobody knows.
    if (operation.expected) uses_[*operation.expected].compared = true;
    if (operation.outcome == Outcome::unknown) return;
    const bool swapped = operation.kind == Kind::swap && operation.outcome == Outcome::done;
    const auto& shown = swapped ? operation.expected : operation.found;
    if (!shown) return;
    Use& use = uses_[*shown];
    use.first_seen = std::min(use.first_seen, operation.answered);
  }

  State state_of(const std::optional<std::string>& value) {
    if (!value) return kAbsent;
    const auto next = static_cast<State>(kFirstValue + states_.size());
    return states_.try_emplace(*value, next).first->second;
  }

  State written_state(const Operation& operation) {
    const Use& use = uses_[*operation.written];
    const bool known = use.first_seen != kNever || use.compared;
    return known ? state_of(operation.written) : kNobodySaw;
  }

  void add(std::size_t index) {
    const Operation& operation = *operations_[index];
    if (operation.outcome == Outcome::did_not_happen) return;
    const bool unknown = operation.outcome == Outcome::unknown;
    if (unknown && operation.kind == Kind::get) return;
    Event event{.from = operation.called,
                .until = unknown ? kNever : operation.answered,
                .optional = unknown,
                .operation = index};
    if (operation.written && operation.outcome != Outcome::mismatch) {
      const Use& use = uses_[*operation.written];
      if (use.writers == 1 && use.first_seen != kNever) {  // somebody saw it: it happened, by then
        event.optional = false;
        event.until = std::min(event.until, use.first_seen);
      }
    }
    switch (operation.kind) {
      case Kind::get: event.value = state_of(operation.found); break;
      case Kind::set:
        event.act = Act::write;
        event.value = written_state(operation);
        break;
      case Kind::remove:
        event.act = Act::remove;
        if (!unknown) event.was_there = operation.was_there;
        break;
      case Kind::swap:
        event.expected = state_of(operation.expected);
        if (operation.outcome == Outcome::mismatch) {
          event.act = Act::differs;
          events_.push_back(event);
          event.act = Act::read;
          event.value = state_of(operation.found);
        } else {
          event.act = Act::replace;
          event.value = written_state(operation);
        }
        break;
    }
    events_.push_back(event);
  }

  const std::vector<const Operation*>& operations_;
  std::map<std::string, Use> uses_;
  std::unordered_map<std::string, State> states_;
  std::vector<Event> events_;
};

// ---- The search

// A (set of events, state) is remembered by 128 bits: each event has two random words, a set is
// their exclusive or. Two different sets of a history meet with a probability that is of no matter.
struct Fingerprint {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};
struct FingerprintHash {
  std::size_t operator()(const Fingerprint& f) const { return static_cast<std::size_t>(f.a); }
};

// splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

Fingerprint with(Fingerprint set, std::uint64_t item) {
  return {set.a ^ mix(2 * item), set.b ^ mix(2 * item + 1)};
}

class Search {
 public:
  Search(std::vector<Event> events, std::uint64_t steps_max)
      : events_(std::move(events)), steps_max_(steps_max) {
    // A ring of the events not placed yet, in order of their calls; the last slot is its head.
    const std::size_t count = events_.size();
    next_.resize(count + 1);
    previous_.resize(count + 1);
    for (std::size_t i = 0; i <= count; ++i) {
      next_[i] = i == count ? 0 : i + 1;
      previous_[i] = i == 0 ? count : i - 1;
    }
    for (const Event& event : events_) left_ += event.optional ? 0 : 1;
    best_left_ = left_ + 1;
  }

  HistoryVerdict::Kind run() {
    std::vector<Frame> stack;
    stack.push_back(frame());
    while (left_ != 0) {
      Frame& top = stack.back();
      if (top.tried == top.candidates.size()) {
        stack.pop_back();
        if (stack.empty()) return HistoryVerdict::Kind::not_linearizable;
        undo(stack.back());
        continue;
      }
      const std::size_t event = top.candidates[top.tried++];
      const auto after = apply(events_[event], state_);
      if (!after) continue;
      const Fingerprint done = with(done_, event);
      if (!failed_.insert(with(done, events_.size() + *after)).second) continue;
      if (++steps_ > steps_max_) return HistoryVerdict::Kind::gave_up;
      done_ = done;
      state_ = *after;
      place(event);
      stack.push_back(frame());
    }
    return HistoryVerdict::Kind::linearizable;
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] const std::vector<std::size_t>& stuck() const { return best_candidates_; }
  [[nodiscard]] State stuck_state() const { return best_state_; }
  [[nodiscard]] std::size_t stuck_left() const { return best_left_; }
  [[nodiscard]] const Event& event(std::size_t index) const { return events_[index]; }

 private:
  struct Frame {
    std::vector<std::size_t> candidates;
    std::size_t tried = 0;
    State state = kAbsent;
    Fingerprint done;
  };

  // What may come next: whatever was called before the first answer still outstanding.
  Frame frame() {
    Frame result{.state = state_, .done = done_};
    std::vector<std::size_t> unsure;
    const std::size_t head = events_.size();
    std::uint64_t first_answer = kNever;
    bool have_write = false;
    bool have_remove = false;
    for (std::size_t i = next_[head]; i != head && events_[i].from <= first_answer; i = next_[i]) {
      const Event& event = events_[i];
      if (!event.optional) {
        first_answer = std::min(first_answer, event.until);
        result.candidates.push_back(i);
      } else if (event.act == Act::write && event.value == kNobodySaw) {
        if (!std::exchange(have_write, true)) unsure.push_back(i);  // all alike: the oldest
      } else if (event.act == Act::remove) {
        if (!std::exchange(have_remove, true)) unsure.push_back(i);
      } else {
        unsure.push_back(i);
      }
    }
    if (left_ < best_left_) {
      best_left_ = left_;
      best_state_ = state_;
      best_candidates_ = result.candidates;
    }
    // The shortest remaining time first: that is nearly always the order in which things happened.
    std::stable_sort(
        result.candidates.begin(), result.candidates.end(),
        [&](std::size_t a, std::size_t b) { return events_[a].until < events_[b].until; });
    for (const std::size_t i : result.candidates) {
      if (changes_nothing(events_[i])) {
        result.candidates = {i};
        return result;
      }
    }
    // Where a write comes next, what tells nothing goes right before it, and leaves no trace.
    // Without this, the writes that took long and were seen by nobody would be left to the end,
    // where they fit no more.
    const auto next = std::find_if(result.candidates.begin(), result.candidates.end(),
                                   [&](std::size_t i) { return apply(events_[i], state_); });
    if (next != result.candidates.end() && events_[*next].act == Act::write) {
      std::stable_partition(result.candidates.begin(), result.candidates.end(),
                            [&](std::size_t i) { return tells_nothing(events_[i]); });
    }
    result.candidates.insert(result.candidates.end(), unsure.begin(), unsure.end());
    return result;
  }

  [[nodiscard]] static bool tells_nothing(const Event& event) {
    return event.act == Act::write ? event.value == kNobodySaw
                                   : event.act == Act::remove && !event.was_there;
  }

  // It fits now, and leaves all as it is: placing it at once can only make room for others. (Not
  // true of a write of the value that stands there already, nor of a remove that fits anywhere:
  // those may be needed later.)
  [[nodiscard]] bool changes_nothing(const Event& event) const {
    const bool only_reads = event.act == Act::read || event.act == Act::differs ||
                            (event.act == Act::remove && event.was_there);
    return only_reads && apply(event, state_) == state_;
  }

  void place(std::size_t event) {
    next_[previous_[event]] = next_[event];
    previous_[next_[event]] = previous_[event];
    if (!events_[event].optional) --left_;
  }

  void undo(const Frame& frame) {
    const std::size_t event = frame.candidates[frame.tried - 1];
    next_[previous_[event]] = event;
    previous_[next_[event]] = event;
    if (!events_[event].optional) ++left_;
    state_ = frame.state;
    done_ = frame.done;
  }

  std::vector<Event> events_;
  std::uint64_t steps_max_;
  std::vector<std::size_t> next_;
  std::vector<std::size_t> previous_;
  std::size_t left_ = 0;  // events that must still be placed
  State state_ = kAbsent;
  Fingerprint done_;
  std::unordered_set<Fingerprint, FingerprintHash> failed_;
  std::uint64_t steps_ = 0;
  std::size_t best_left_ = 0;
  State best_state_ = kAbsent;
  std::vector<std::size_t> best_candidates_;
};

std::string quoted(const std::optional<std::string>& value) {
  return value ? '"' + *value + '"' : "absent";
}

std::string explain(const std::string& key, const std::vector<const Operation*>& operations,
                    const Search& search) {
  std::ostringstream out;
  out << "key \"" << key << "\": no order explains these answers; the longest one found leaves "
      << search.stuck_left() << " operations and gets stuck at\n";
  for (const std::size_t index : search.stuck()) {
    const Event& event = search.event(index);
    out << "  " << to_string(*operations[event.operation]) << '\n';
  }
  return out.str();
}

}  // namespace

std::string to_string(const Operation& operation) {
  std::ostringstream out;
  out << "client " << operation.client << " [" << operation.called << ", ";
  if (operation.outcome == Outcome::unknown) {
    out << "?";
  } else {
    out << operation.answered;
  }
  out << "] ";
  switch (operation.kind) {
    case Kind::get: out << "get " << operation.key << " -> " << quoted(operation.found); break;
    case Kind::set: out << "set " << operation.key << ' ' << quoted(operation.written); break;
    case Kind::remove:
      out << "remove " << operation.key << " -> ";
      out << (!operation.was_there ? "done" : *operation.was_there ? "was there" : "absent");
      break;
    case Kind::swap:
      out << "swap " << operation.key << ' ' << quoted(operation.written) << " for "
          << quoted(operation.expected);
      break;
  }
  switch (operation.outcome) {
    case Outcome::done: break;
    case Outcome::mismatch: out << " -> mismatch, found " << quoted(operation.found); break;
    case Outcome::did_not_happen: out << " -> did not happen"; break;
    case Outcome::unknown: out << " -> unknown"; break;
  }
  return out.str();
}

HistoryVerdict check_linearizable(const std::vector<Operation>& history, std::uint64_t steps_max) {
  std::map<std::string, std::vector<const Operation*>> keys;
  for (const Operation& operation : history) keys[operation.key].push_back(&operation);
  HistoryVerdict verdict;
  for (const auto& [key, operations] : keys) {
    Search search(Events(operations).take(), steps_max);
    verdict.kind = search.run();
    verdict.steps += search.steps();
    if (verdict.kind != HistoryVerdict::Kind::linearizable) {
      verdict.explanation = explain(key, operations, search);
      return verdict;
    }
  }
  return verdict;
}

}  // namespace causeway::sim
