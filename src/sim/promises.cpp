#include "sim/promises.hpp"

#include <algorithm>

#include "crdt/dot.hpp"
#include "sim/trace_event.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;  // beyond every revision

std::uint64_t revision_of(const Observed& observed) {
  return observed.response.version ? observed.response.version->revision.value : 0;
}

/// The fate of the write that went through the log in place of this one.
const AwaitResult* final_fate(const Promises::Fates& fates, const std::string& token) {
  auto at = fates.find(token);
  while (at != fates.end() && at->second.state == AwaitResult::State::replaced)
    at = fates.find(at->second.replaced_by);
  return at == fates.end() ? nullptr : &at->second;
}

bool is_forgotten(const AwaitResult* fate) {
  return fate != nullptr && fate->state == AwaitResult::State::forgotten;
}

/// The revision that stood when it had settled; kNever: not known.
std::uint64_t winner_of(const AwaitResult* fate) {
  return fate != nullptr && fate->winner ? fate->winner->revision.value : kNever;
}

/// From there on a revision covers the write; kNever: none does.
std::uint64_t settled_at(const AwaitResult* fate) {
  const std::uint64_t winner = winner_of(fate);
  return winner == 0 ? kNever : winner;
}

bool shows_pending(const Observed& observed) {
  return observed.response.pending && observed.kind == Observed::Kind::local_get;
}

std::string text_of(const Observed& observed) {
  const char* kind = observed.kind == Observed::Kind::local_get       ? "local get"
                     : observed.kind == Observed::Kind::offline_write ? "offline write"
                     : observed.writes                                ? "consistent write"
                                                                      : "consistent read";
  return std::string(kind) + " of " + observed.key + " at " + observed.node + " [" +
         seconds_text(observed.called) + ", " + seconds_text(observed.answered) +
         "] with revision " + std::to_string(revision_of(observed)) +
         (observed.response.pending ? ", pending" : "") +
         (observed.response.token.empty() ? "" : ", token " + observed.response.token);
}

[[noreturn]] void broken(const char* name, const char* what, const Observed& before,
                         const Observed& after) {
  throw Violation(name, std::string(what) + ": " + text_of(before) + ", then " + text_of(after));
}

}  // namespace

void Promises::judge(const Fates& fates) const {
  std::map<std::pair<std::string, std::string>, std::vector<Judged>> by_place;
  for (const Observed& observed : observed_) {
    const AwaitResult* fate = final_fate(fates, observed.response.token);
    by_place[{observed.node, observed.key}].push_back({&observed, fate});
  }
  for (auto& [place, all] : by_place) judge_place(all);
  judge_order(fates);
  judge_stamps();
}

// Of all answers before one, only what the strongest of them demand can be broken: where it is
// kept, so are all the weaker ones.
void Promises::judge_place(std::vector<Judged>& all) const {
  std::vector<Judged> by_end = all;
  std::ranges::stable_sort(by_end, {}, [](const Judged& each) { return each.observed->answered; });
  std::ranges::stable_sort(all, {}, [](const Judged& each) { return each.observed->called; });
  Demands demands;
  auto before = by_end.begin();
  for (const Judged& after : all) {
    for (; before != by_end.end() && before->observed->answered <= after.observed->called; ++before)
      demands.add(*before);
    if (demands.kept_by(after)) continue;
    // Which one is broken, and whether a power loss excuses it, each pair says for itself.
    for (auto each = by_end.begin(); each != before; ++each) judge_pair(*each, after);
  }
}

void Promises::Demands::add(const Judged& before) {
  const Observed& observed = *before.observed;
  if (observed.kind == Observed::Kind::offline_write) {
    if (is_forgotten(before.fate)) return;
    if (observed.response.version) pending = std::max(pending, observed.response.version->sequence);
    settled = std::max(settled, settled_at(before.fate));
    return;
  }
  if (!observed.response.pending) shown = std::max(shown, revision_of(observed));
  if (observed.kind == Observed::Kind::consistent && observed.writes)
    written = std::max(written, revision_of(observed));
}

bool Promises::Demands::kept_by(const Judged& after) const {
  const Observed& observed = *after.observed;
  if (observed.kind == Observed::Kind::offline_write) return winner_of(after.fate) > written;
  if (shows_pending(observed))
    return pending == Sequence{} || observed.response.version->sequence >= pending;
  return revision_of(observed) >= std::max(settled, shown);
}

void Promises::judge_pair(const Judged& first, const Judged& second) const {
  const Observed& before = *first.observed;
  const Observed& after = *second.observed;
  const Response& then = after.response;
  const auto require = [&](bool holds, const char* name, const char* what) {
    if (!holds) broken(name, what, before, after);
  };
  if (before.kind == Observed::Kind::offline_write) {
    if (is_forgotten(first.fate)) return;
    const std::uint64_t settled = settled_at(first.fate);
    if (after.kind == Observed::Kind::local_get) {
      // The pending write covers the key until its settlement is applied here.
      const bool covered = shows_pending(after)
                               ? then.version->sequence >= before.response.version->sequence
                               : revision_of(after) >= settled;
      require(covered, "own-writes", "an acknowledged offline write is not read at its node");
    } else if (after.kind == Observed::Kind::consistent) {
      require(revision_of(after) >= settled, "program-order",
              "a consistent operation was decided before the offline write in front of it");
    }
    return;
  }
  if (before.kind == Observed::Kind::consistent && before.writes &&
      after.kind == Observed::Kind::offline_write) {
    const bool undone = winner_of(second.fate) <= revision_of(before);
    require(!undone, "program-order", "an offline write was undone by a consistent one before it");
  }
  if (before.response.pending || after.kind == Observed::Kind::offline_write ||
      shows_pending(after))
    return;
  if (power_lost_between(before, after)) return;
  require(revision_of(after) >= revision_of(before), "own-writes",
          "the revision behind a node's answers fell");
}

bool Promises::power_lost_between(const Observed& before, const Observed& after) const {
  const auto losses = power_losses_.find(before.node);
  if (losses == power_losses_.end()) return false;
  return std::any_of(losses->second.begin(), losses->second.end(),
                     [&](std::uint64_t at) { return before.called <= at && at <= after.answered; });
}

void Promises::judge_order(const Fates& fates) const {
  std::map<Origin, std::map<Sequence, std::uint64_t>> won;
  for (const auto& [token, fate] : fates) {
    const Dot dot = crdt::parse_dot(token).value();
    if (fate.state == AwaitResult::State::won)
      won[dot.origin][dot.sequence] = fate.winner->revision.value;
  }
  for (const auto& [origin, writes] : won) {
    std::uint64_t last = 0;
    for (const auto& [sequence, revision] : writes) {
      if (revision < last) {
        throw Violation("origin-order", "write " + std::to_string(sequence.value) +
                                            " of an origin settled before the one in front of it");
      }
      last = revision;
    }
  }
}

void Promises::judge_stamps() const {
  std::map<std::string, std::map<std::uint64_t, Stamp>> by_key;
  for (const Observed& observed : observed_) {
    if (revision_of(observed) == 0) continue;
    const Stamp stamp = observed.response.version->stamp;
    const auto [known, first] = by_key[observed.key].emplace(revision_of(observed), stamp);
    if (known->second != stamp) {
      throw Violation("one-stamp", "revision " + std::to_string(known->first) + " of " +
                                       observed.key + " is shown with two stamps");
    }
  }
  for (const auto& [key, versions] : by_key) {
    Stamp last;
    for (const auto& [revision, stamp] : versions) {
      if (stamp <= last) {
        throw Violation("stamps-rise", "the stamp of " + key + " at revision " +
                                           std::to_string(revision) + " is not above the last");
      }
      last = stamp;
    }
  }
}

}  // namespace causeway::sim
