// What single answers promise each other: each rule by itself, then all at random against a twin
// that looks at every pair.
#include "sim/promises.hpp"

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "crdt/dot.hpp"
#include "sim/broken_by.hpp"

using namespace causeway;
using causeway::sim::Observed;
using causeway::sim::Promises;
using Kind = causeway::sim::Observed::Kind;

namespace {

constexpr Origin kOrigin{7};

std::string token(std::uint64_t sequence) { return crdt::to_string({kOrigin, {sequence}}); }

AwaitResult settled_by(std::uint64_t revision) {
  return {.state = AwaitResult::State::superseded,
          .winner = Version{.revision = {revision}},
          .reason = {},
          .replaced_by = {}};
}

/// All of key k at node 1; it takes one unit of time.
Observed answer(Kind kind, std::uint64_t called, std::uint64_t revision) {
  Observed observed{.kind = kind, .node = "1", .key = "k", .called = called};
  observed.answered = called + 1;
  observed.response.version = Version{.revision = {revision}, .stamp = {revision}};
  return observed;
}

Observed shows(std::uint64_t called, std::uint64_t revision) {
  return answer(Kind::local_get, called, revision);
}
Observed reads(std::uint64_t called, std::uint64_t revision) {
  return answer(Kind::consistent, called, revision);
}
Observed writes(std::uint64_t called, std::uint64_t revision) {
  Observed observed = answer(Kind::consistent, called, revision);
  observed.writes = true;
  return observed;
}
Observed of_pending(Kind kind, std::uint64_t called, std::uint64_t sequence) {
  Observed observed = answer(kind, called, 0);
  observed.response.version->sequence = {sequence};
  observed.response.pending = true;
  return observed;
}
Observed shows_pending(std::uint64_t called, std::uint64_t sequence) {
  return of_pending(Kind::local_get, called, sequence);
}
Observed offline(std::uint64_t called, std::uint64_t sequence) {
  Observed observed = of_pending(Kind::offline_write, called, sequence);
  observed.response.token = token(sequence);
  return observed;
}

std::string broken_by(const Promises& promises, const Promises::Fates& fates) {
  return testing::broken_by([&] { promises.judge(fates); });
}

// ---- the twin

bool is_undone(const AwaitResult* fate, const Observed& by) {
  return fate != nullptr && fate->winner && fate->winner->revision <= by.response.version->revision;
}

bool is_covered(const Observed& write, const AwaitResult* fate, const Observed& by) {
  if (fate != nullptr && fate->state == AwaitResult::State::forgotten) return true;
  if (by.kind == Kind::local_get && by.response.pending)
    return by.response.version->sequence >= write.response.version->sequence;
  return fate != nullptr && fate->winner && fate->winner->revision.value != 0 &&
         by.response.version->revision >= fate->winner->revision;
}

bool breaks(const Observed& a, const Observed& b, const Promises::Fates& fates,
            std::optional<std::uint64_t> power_lost) {
  const auto fate_of = [&](const Observed& observed) {
    const auto found = fates.find(observed.response.token);
    return found == fates.end() ? nullptr : &found->second;
  };
  if (a.answered > b.called) return false;
  if (a.kind == Kind::offline_write)
    return b.kind != Kind::offline_write && !is_covered(a, fate_of(a), b);
  if (b.kind == Kind::offline_write) return a.writes && is_undone(fate_of(b), a);
  if (a.response.pending || b.response.pending) return false;
  if (power_lost && a.called <= *power_lost && *power_lost <= b.answered) return false;
  return b.response.version->revision < a.response.version->revision;
}

Observed any(Random& random) {
  const std::uint64_t called = random.below(30);
  const std::uint64_t number = 1 + called / 3 + random.below(4);  // they rise, more or less
  Observed observed;
  switch (random.below(5)) {
    case 0: observed = offline(called, number); break;
    case 1: observed = shows_pending(called, number); break;
    case 2: observed = shows(called, number); break;
    case 3: observed = reads(called, number); break;
    default: observed = writes(called, number); break;
  }
  observed.answered = called + random.below(3);
  return observed;
}

std::optional<AwaitResult> any_fate(Random& random, std::uint64_t sequence) {
  AwaitResult fate = settled_by(random.below(4) == 0 ? 0 : sequence + random.below(3));
  switch (random.below(10)) {
    case 0: return std::nullopt;
    case 1: fate.winner.reset(); break;
    case 2: fate.state = AwaitResult::State::forgotten; break;
    default: break;
  }
  return fate;
}

}  // namespace

TEST_CASE("two answers of a node about a key keep what the first promised") {
  struct Row {
    const char* why;
    std::vector<Observed> answers;
    Promises::Fates fates;
    const char* broken;
  };
  const Row rows[] = {
      {"revisions may stand", {shows(1, 5), reads(3, 5)}, {}, ""},
      {"they do not fall", {shows(1, 5), reads(3, 4)}, {}, "own-writes"},
      {"nothing is said of answers that overlap", {shows(1, 5), reads(1, 4)}, {}, ""},
      {"a later answer lies in between", {reads(1, 5), shows(3, 6), shows(5, 5)}, {}, "own-writes"},
      {"a pending write covers its key", {offline(1, 3), shows_pending(3, 3)}, {}, ""},
      {"an older one does not", {offline(1, 3), shows_pending(3, 2)}, {}, "own-writes"},
      {"its settlement does", {offline(1, 3), shows(3, 9)}, {{token(3), settled_by(9)}}, ""},
      {"from then on", {offline(1, 3), shows(3, 8)}, {{token(3), settled_by(9)}}, "own-writes"},
      {"a consistent read comes behind it",
       {offline(1, 3), reads(3, 8)},
       {{token(3), settled_by(9)}},
       "program-order"},
      {"it settles", {offline(1, 3), reads(3, 8)}, {}, "program-order"},
      {"it is not undone by a write before it",
       {writes(1, 9), offline(3, 3)},
       {{token(3), settled_by(9)}},
       "program-order"},
      {"a read undoes nothing", {reads(1, 9), offline(3, 3)}, {{token(3), settled_by(9)}}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Promises promises;
    for (const Observed& each : row.answers) promises.observe(each);
    CHECK(broken_by(promises, row.fates) == row.broken);
  }
}

TEST_CASE(
    "a revision of a key has one stamp, wherever it is shown, and a later one a higher stamp") {
  const auto broken_with = [](std::uint64_t revision, std::uint64_t stamp) {
    Observed elsewhere = shows(3, revision);
    elsewhere.node = "2";
    elsewhere.response.version->stamp = {stamp};
    Promises promises;
    promises.observe(shows(1, 5));
    promises.observe(elsewhere);
    return broken_by(promises, {});
  };
  CHECK(broken_with(5, 5) == "");
  CHECK(broken_with(5, 6) == "one-stamp");
  CHECK(broken_with(6, 6) == "");
  CHECK(broken_with(6, 5) == "stamps-rise");
}

TEST_CASE("a power loss between two answers excuses a revision that fell, and only then") {
  Promises promises;
  promises.observe(shows(1, 5));
  promises.observe(shows(9, 4));
  promises.power_lost("1", 5);
  CHECK(broken_by(promises, {}) == "");
  promises.observe(shows(6, 5));
  CHECK(broken_by(promises, {}) == "own-writes");
}

TEST_CASE("what is judged by the strongest answer is what is judged by every pair") {
  Random random(1);
  int kept = 0;
  int broken = 0;
  for (int round = 0; round < 20'000; ++round) {
    Promises promises;
    Promises::Fates fates;
    std::vector<Observed> all;
    const std::uint64_t count = 2 + random.below(6);
    while (all.size() < count) {
      const Observed observed = any(random);
      all.push_back(observed);
      promises.observe(observed);
      if (observed.kind != Kind::offline_write) continue;
      if (const auto fate = any_fate(random, observed.response.version->sequence.value))
        fates[observed.response.token] = *fate;
    }
    std::optional<std::uint64_t> power_lost;
    if (random.below(3) == 0) promises.power_lost("1", power_lost.emplace(random.below(30)));
    bool want = false;
    for (const Observed& a : all)
      for (const Observed& b : all) want = want || breaks(a, b, fates, power_lost);
    const std::string got = broken_by(promises, fates);
    CAPTURE(round);
    CHECK((got == "own-writes" || got == "program-order") == want);
    (want ? broken : kept) += 1;
  }
  CHECK(kept > 1000);
  CHECK(broken > 1000);
}
