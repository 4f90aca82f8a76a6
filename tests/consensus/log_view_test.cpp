#include "consensus/log_view.hpp"

#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "solo.hpp"

namespace causeway::consensus {
namespace {

using testing::Chain;

// The whole log in a vector, and every question answered by looking at all of it.
struct SlowLog {
  std::vector<Entry> entries;

  void append(const Entry& entry) {
    entries.resize(entry.index.value - 1);
    entries.push_back(entry);
  }
  [[nodiscard]] LogPosition position(LogIndex index) const {
    if (index.value == 0) return {};
    const Entry& entry = entries[index.value - 1];
    return {entry.index, entry.term, entry.log_time, entry.hash};
  }
  [[nodiscard]] LogPosition last() const { return position({entries.size()}); }
  [[nodiscard]] std::optional<Term> term_of(LogIndex index) const {
    if (index.value > entries.size()) return std::nullopt;
    return position(index).term;
  }
  [[nodiscard]] LogIndex first_of_term_at(LogIndex index) const {
    LogIndex first = index;
    while (first.value > 1 && term_of(first.previous()) == term_of(index)) first = first.previous();
    return first;
  }
  [[nodiscard]] LogIndex last_at_or_below(Term term) const {
    LogIndex found;
    for (const Entry& entry : entries) {
      if (entry.term <= term) found = entry.index;
    }
    return found;
  }
};

void compare(const LogView& log, const SlowLog& slow) {
  CHECK(log.last() == slow.last());
  for (std::uint64_t i = 0; i <= slow.entries.size() + 2; ++i) {
    const LogIndex index{i};
    CAPTURE(i);
    CHECK(log.term_of(index) == slow.term_of(index));
    if (i > slow.entries.size()) {
      CHECK(log.find(index) == nullptr);
      CHECK_FALSE(log.position(index).has_value());
      continue;
    }
    CHECK(log.first_of_term_at(index) == slow.first_of_term_at(index));
    if (i == 0) continue;
    if (const Entry* entry = log.find(index)) CHECK(*entry == slow.entries[i - 1]);
    CHECK((log.find(index) != nullptr) == (index >= log.first_cached()));
    if (index.next() >= log.first_cached()) CHECK(log.position(index) == slow.position(index));
  }
  for (std::uint64_t term = 0; term < 12; ++term) {
    CAPTURE(term);
    CHECK(log.last_at_or_below({term}) == slow.last_at_or_below({term}));
  }
}

}  // namespace

TEST_CASE("a log view answers like the whole log, over appends, truncations and evictions") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    LogView log;
    SlowLog slow;
    LogIndex kept;  // evicted up to here at most: never truncated below
    for (int step = 0; step < 60; ++step) {
      const LogIndex last = slow.last().index;
      if (random.below(5) == 0) {
        kept = {random.between(kept.value, last.value)};
        log.evict(kept, random.below(2000));
      }
      LogIndex behind = last;
      if (random.below(6) == 0) behind = {random.between(kept.value, last.value)};
      const Term term{slow.position(behind).term.value + (random.below(4) == 0 ? 1 : 0)};
      Chain chain(slow.position(behind));
      const Entry entry =
          chain.add({std::min<std::uint64_t>(std::max<std::uint64_t>(term.value, 1), 10)});
      REQUIRE(log.check(entry).has_value());
      log.append(entry);
      slow.append(entry);
    }
    compare(log, slow);
  }
}

TEST_CASE("an entry that cannot stand behind the log is named and refused") {
  LogView log;
  Chain chain;
  for (const std::uint64_t term : {1u, 1u, 3u}) log.append(chain.add({term}));
  log.evict({1}, 0);
  const auto chained = [&](std::uint64_t behind, auto change) {
    Entry entry = Chain(*log.position({behind})).add({3});
    change(entry);
    entry.hash = running_hash(log.position({behind})->hash, entry);
    return entry;
  };
  const auto nothing = [](Entry&) {};
  CHECK(log.check(chained(3, nothing)).has_value());
  CHECK(log.check(chained(2, nothing)).has_value());
  struct Row {
    const char* why;
    Entry entry;
  };
  Entry gap = chained(3, nothing);
  gap.index = {5};
  Entry damaged = chained(3, nothing);
  damaged.payload = Blob::copy_of("y");
  Entry evicted = chained(3, nothing);
  evicted.index = {1};
  const Row rows[] = {
      {"a gap", gap},
      {"bytes that do not fit their hash", damaged},
      {"in place of what left memory", evicted},
      {"a lower term", chained(3, [](Entry& e) { e.term = {2}; })},
      {"log time that stands still",
       chained(3, [&](Entry& e) { e.log_time = log.last().log_time; })},
      {"an unknown kind", chained(3, [](Entry& e) { e.kind = static_cast<EntryKind>(9); })},
      {"a configuration that is none",
       chained(3, [](Entry& e) { e.kind = EntryKind::configuration; })},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto checked = log.check(row.entry);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == Errc::corrupt);
  }
}

TEST_CASE("a configuration is in force from its append, and its truncation undoes it") {
  LogView log;
  Chain chain;
  Configuration unbound = testing::all_bound();
  for (Member& member : unbound.members) member.origin = {};
  CHECK(log.configurations().empty());
  log.append(chain.add({1}, unbound));
  CHECK(log.configurations().back().configuration == unbound);
  log.append(chain.add({1}, testing::all_bound()));
  CHECK(log.configurations().back().configuration == testing::all_bound());
  log.append(Chain(*log.position({1})).add({2}));
  CHECK(log.configurations().back().configuration == unbound);
}

TEST_CASE("of the configurations that can no longer be truncated only the newest is kept") {
  LogView log;
  Chain chain;
  for (int i = 0; i < 5; ++i) log.append(chain.add({1}, testing::all_bound()));
  log.evict({3}, 1 << 20);
  REQUIRE(log.configurations().size() == 3);
  CHECK(log.configurations().front().index == LogIndex{3});
}

}  // namespace causeway::consensus
