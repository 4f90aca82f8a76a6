#include "node/promises.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "crdt/dot.hpp"

namespace causeway::testing {
namespace {

using Kind = Observed::Kind;
using State = AwaitResult::State;

std::uint64_t revision_of(const Observed& observed) {
  return observed.response.version ? observed.response.version->revision.value : 0;
}

/// The fate of the write that went through the log in place of this one.
const AwaitResult* final_fate(const Promises::Fates& fates, const std::string& token) {
  auto at = fates.find(token);
  while (at != fates.end() && at->second.state == State::replaced)
    at = fates.find(at->second.replaced_by);
  return at == fates.end() ? nullptr : &at->second;
}

}  // namespace

void Promises::judge(const Fates& fates) const {
  std::map<std::pair<std::string, std::string>, std::vector<const Observed*>> by_place;
  for (const Observed& observed : observed_)
    by_place[{observed.node, observed.key}].push_back(&observed);
  for (const auto& [place, all] : by_place) {
    for (const Observed* before : all) {
      for (const Observed* after : all) {
        if (before->answered <= after->called) judge_pair(*before, *after, fates);
      }
    }
  }
  judge_order(fates);
  judge_stamps();
}

void Promises::judge_pair(const Observed& before, const Observed& after, const Fates& fates) const {
  ++pairs_judged_;
  CAPTURE(before.node);
  CAPTURE(before.key);
  CAPTURE(before.answered);
  CAPTURE(after.called);
  const Response& then = after.response;
  const bool shows_pending = then.pending && after.kind == Kind::local_get;
  if (before.kind == Kind::offline_write) {
    const AwaitResult* fate = final_fate(fates, before.response.token);
    const std::uint64_t settled =
        fate != nullptr && fate->winner ? fate->winner->revision.value : 0;
    if (after.kind == Kind::local_get) {
      // Own writes: the pending write covers the key until its settlement is applied here.
      INFO("promise 3: an acknowledged offline write is read here");
      if (shows_pending) {
        CHECK(then.version->sequence >= before.response.version->sequence);
      } else {
        CHECK(settled != 0);
        CHECK(revision_of(after) >= settled);
      }
    } else if (after.kind == Kind::consistent) {
      INFO("promise 2: a consistent operation behind an offline write of its key");
      CHECK(settled != 0);
      CHECK(revision_of(after) >= settled);
    }
    return;
  }
  if (before.kind == Kind::consistent && before.writes && after.kind == Kind::offline_write) {
    INFO("promise 2: an offline write is not undone by a consistent one before it");
    const AwaitResult* fate = final_fate(fates, then.token);
    if (fate != nullptr && fate->winner) CHECK(fate->winner->revision.value > revision_of(before));
  }
  if (before.response.pending || after.kind == Kind::offline_write || shows_pending) return;
  if (power_lost_between(before, after)) return;
  INFO("promise 3: the revision behind a node's answers never falls");
  CHECK(revision_of(after) >= revision_of(before));
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
    if (fate.state == State::won) won[dot.origin][dot.sequence] = fate.winner->revision.value;
  }
  for (const auto& [origin, writes] : won) {
    INFO("promise 4: offline writes of one origin settle in the order in which they were made");
    std::uint64_t last = 0;
    for (const auto& [sequence, revision] : writes) {
      CHECK(revision >= last);
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
    CHECK(known->second == stamp);
  }
  for (const auto& [key, versions] : by_key) {
    INFO("the stamps of a key's versions rise: ", key);
    Stamp last;
    for (const auto& [revision, stamp] : versions) {
      CHECK(stamp > last);
      last = stamp;
    }
  }
}

}  // namespace causeway::testing
