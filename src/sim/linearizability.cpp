#include "sim/linearizability.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "sim/history_events.hpp"
#include "sim/trace_event.hpp"

namespace causeway::sim {
namespace {

using OperationKind = Operation::Kind;
using Outcome = Operation::Outcome;

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
    const std::size_t count = events_.size();
    next_.resize(count + kRings);
    previous_.resize(count + kRings);
    for (const Ring ring : {kDistinct, kUnseenWrites, kRemoves})
      next_[head(ring)] = previous_[head(ring)] = head(ring);
    for (std::size_t i = 0; i < count; ++i) append(i, head(ring_of(events_[i])));
    standing_.resize(kFirstValue + 2 * count);
    for (const Event& event : events_) {
      count_in(event);
      if (const auto needed = needed_state(event); needed && !event.optional)
        standing_[*needed].last_call = std::max(standing_[*needed].last_call, event.from);
    }
    best_left_ = left_ + 1;
  }

  HistoryVerdict::Kind run() {
    std::vector<Frame> stack;
    stack.push_back(frame(false));
    while (left_ != 0) {
      Frame& top = stack.back();
      if (top.tried == top.candidates.size()) {
        stack.pop_back();
        if (stack.empty()) return HistoryVerdict::Kind::not_linearizable;
        undo(stack.back());
        continue;
      }
      const std::size_t event = top.candidates[top.tried++];
      state_ = *apply(events_[event], state_);
      place(event);
      if (been_here()) {
        undo(top);
        continue;
      }
      if (++steps_ > steps_max_) return HistoryVerdict::Kind::gave_up;
      stack.push_back(frame(events_[event].optional));
    }
    return HistoryVerdict::Kind::linearizable;
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] const std::vector<std::size_t>& stuck() const { return best_candidates_; }
  [[nodiscard]] std::size_t stuck_left() const { return best_left_; }
  [[nodiscard]] const Event& event(std::size_t index) const { return events_[index]; }

 private:
  using Indices = std::vector<std::size_t>;
  /// Of the events not placed yet, in order of their calls. The optional ones that are all alike
  /// are kept apart: only the first of them is ever tried, and there may be thousands.
  enum Ring : std::size_t { kDistinct, kUnseenWrites, kRemoves, kRings };
  struct Frame {
    Indices candidates;  // each fits
    std::size_t tried = 0;
    KeyState state = kAbsent;
    Fingerprint done;
  };
  /// Of a state, among the events that are not placed.
  struct Standing {
    std::size_t makers = 0;       // that lead to it
    std::size_t needed = 0;       // that must happen, and while it stands
    std::uint64_t last_call = 0;  // of all those that needed it at the beginning
  };

  [[nodiscard]] static Ring ring_of(const Event& event) {
    if (!event.optional) return kDistinct;
    if (event.act == Act::write && event.value == kNobodySaw) return kUnseenWrites;
    return event.act == Act::remove ? kRemoves : kDistinct;
  }

  [[nodiscard]] std::size_t head(Ring ring) const { return events_.size() + ring; }

  void append(std::size_t event, std::size_t head) {
    previous_[event] = previous_[head];
    next_[event] = head;
    next_[previous_[head]] = event;
    previous_[head] = event;
  }

  /// Called before the first answer still outstanding.
  struct Callable {
    Indices sure;    // must happen; by their answers
    Indices unsure;  // what is alike only once
  };

  [[nodiscard]] Callable callable() const {
    Callable result;
    std::uint64_t first_answer = kNever;
    const std::size_t end = head(kDistinct);
    for (std::size_t i = next_[end]; i != end && events_[i].from <= first_answer; i = next_[i]) {
      if (!events_[i].optional) first_answer = std::min(first_answer, events_[i].until);
      (events_[i].optional ? result.unsure : result.sure).push_back(i);
    }
    for (const Ring ring : {kUnseenWrites, kRemoves}) {
      const std::size_t i = next_[head(ring)];
      if (i != head(ring) && events_[i].from <= first_answer) result.unsure.push_back(i);
    }
    std::ranges::sort(result.unsure);  // by their calls
    std::ranges::stable_sort(result.sure, {}, [&](std::size_t i) { return events_[i].until; });
    return result;
  }

  // What may come next. The shortest remaining time first: that is nearly always the order in which
  // things happened.
  Frame frame(bool behind_optional) {
    Frame result{.state = state_, .done = done_};
    const auto [sure, unsure] = callable();
    if (left_ < best_left_) {
      best_left_ = left_;
      best_candidates_ = sure;
    }
    for (const std::size_t i : sure) {
      if (changes_nothing(events_[i], state_)) {
        result.candidates = {i};
        return result;
      }
    }
    const auto is_vain = [&, &sure = sure](std::size_t i) {
      // Whatever was done on a mere guess, and is wiped out at once, could as well be left.
      if (behind_optional && is_blind(events_[i])) return true;
      return !apply(events_[i], state_) || leaves_too_early(i) || comes_too_early(i, sure);
    };
    Indices& candidates = result.candidates;
    std::ranges::remove_copy_if(sure, std::back_inserter(candidates), is_vain);
    // Where a write comes next, what tells nothing goes right before it, and leaves no trace.
    // Without this, the writes that took long and were seen by nobody would be left to the end,
    // where they fit no more.
    if (!candidates.empty() && events_[candidates.front()].act == Act::write)
      std::ranges::stable_partition(candidates,
                                    [&](std::size_t i) { return tells_nothing(events_[i]); });
    std::ranges::remove_copy_if(unsure, std::back_inserter(candidates), is_vain);
    return result;
  }

  [[nodiscard]] static bool tells_nothing(const Event& event) {
    return is_blind(event) && (event.act == Act::remove || event.value == kNobodySaw);
  }

  // It fits now, and leaves all as it is: placing it at once can only make room for others. (Not
  // true of a write of the value that stands there already, nor of a remove that fits anywhere:
  // those may be needed later.)
  [[nodiscard]] static bool changes_nothing(const Event& event, KeyState state) {
    const bool only_reads = event.act == Act::read || event.act == Act::differs ||
                            (event.act == Act::remove && event.was_there);
    return only_reads && apply(event, state) == state;
  }

  // It ends a state that some other event needs, and that nothing can bring back.
  [[nodiscard]] bool leaves_too_early(std::size_t event) const {
    if (apply(events_[event], state_) == state_) return false;
    const bool needs_it = !events_[event].optional && needed_state(events_[event]) == state_;
    const Standing& ended = standing_[state_];
    return ended.makers == 0 && ended.needed > (needs_it ? 1u : 0u);
  }

  // It begins a state that must stand until all that need it were called, while an event with an
  // answer before that call must still come, and fits there only by ending it.
  // sure   what must happen and may be next, by their answers
  [[nodiscard]] bool comes_too_early(std::size_t event, const Indices& sure) const {
    const auto made = made_state(events_[event]);
    if (!made || *made == state_ || standing_[*made].makers != 1) return false;
    const auto first = std::ranges::find_if(sure, [&](std::size_t i) {
      return i != event && needed_state(events_[i]) != made && !changes_nothing(events_[i], *made);
    });
    return first != sure.end() && events_[*first].until < standing_[*made].last_call;
  }

  // Where the same is done and the same stands there, who used more of what is optional has less
  // left: what fails with the one fails with the other. (One that is still open counts as well:
  // what it has not tried yet gets there without the detour.)
  bool been_here() {
    std::vector<Indices>& before = visited_[with(done_, events_.size() + state_)];
    const bool been = std::ranges::any_of(
        before, [&](const Indices& used) { return std::ranges::includes(used_, used); });
    if (!been) before.push_back(used_);
    return been;
  }

  void place(std::size_t event) {
    next_[previous_[event]] = next_[event];
    previous_[next_[event]] = previous_[event];
    if (events_[event].optional) {
      used_.insert(std::ranges::lower_bound(used_, event), event);
    } else {
      done_ = with(done_, event);
    }
    count_out(events_[event]);
  }

  void undo(const Frame& frame) {
    const std::size_t event = frame.candidates[frame.tried - 1];
    next_[previous_[event]] = event;
    previous_[next_[event]] = event;
    if (events_[event].optional) used_.erase(std::ranges::lower_bound(used_, event));
    count_in(events_[event]);
    state_ = frame.state;
    done_ = frame.done;
  }

  void count_in(const Event& event) {
    if (const auto made = made_state(event)) ++standing_[*made].makers;
    if (event.optional) return;
    if (const auto needed = needed_state(event)) ++standing_[*needed].needed;
    ++left_;
  }

  void count_out(const Event& event) {
    if (const auto made = made_state(event)) --standing_[*made].makers;
    if (event.optional) return;
    if (const auto needed = needed_state(event)) --standing_[*needed].needed;
    --left_;
  }

  std::vector<Event> events_;
  std::uint64_t steps_max_;
  Indices next_;
  Indices previous_;
  std::size_t left_ = 0;            // events that must still be placed
  std::vector<Standing> standing_;  // by state
  KeyState state_ = kAbsent;
  Fingerprint done_;  // what had to be placed
  Indices used_;      // what was optional, in order
  std::unordered_map<Fingerprint, std::vector<Indices>, FingerprintHash> visited_;
  std::uint64_t steps_ = 0;
  std::size_t best_left_ = 0;
  Indices best_candidates_;
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
  out << "client " << operation.client << " [" << seconds_text(operation.called) << ", ";
  if (operation.outcome == Outcome::unknown) {
    out << "?";
  } else {
    out << seconds_text(operation.answered);
  }
  out << "] ";
  switch (operation.kind) {
    case OperationKind::get:
      out << "get " << operation.key << " -> " << quoted(operation.found);
      break;
    case OperationKind::set:
      out << "set " << operation.key << ' ' << quoted(operation.written);
      break;
    case OperationKind::remove:
      out << "remove " << operation.key;
      if (operation.was_there) out << (*operation.was_there ? " -> was there" : " -> absent");
      break;
    case OperationKind::swap:
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
    Search search(events_of(operations), steps_max);
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
