// kill -9 at random moments of any node, while eight clients write offline. Afterwards every
// token has exactly one verdict, and the version rule explains what stands.

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "load.hpp"
#include "trouble.hpp"
#include "verdicts.hpp"

using namespace causeway;
using namespace causeway::test;

namespace {

using State = AwaitResult::State;
using Number = Cluster::Number;

auto rank(const Version& version) {
  return std::tuple(version.stamp, version.origin, version.sequence);
}

// The final value of one key, from what its writers were told.
void check_final_value(const std::string& key, const Response& final,
                       const std::vector<const Settled*>& settled,
                       const std::vector<const OfflineRecord*>& in_doubt) {
  CAPTURE(key);
  CAPTURE(final.value);
  REQUIRE(final.version.has_value());
  const Version& stands = *final.version;

  bool explained = false;
  for (const OfflineRecord* record : in_doubt) {
    explained |= final.valid ? record->value == final.value : !record->value;
  }
  for (const Settled* write : settled) {
    CAPTURE(write->record.token);
    CAPTURE(text_of(write->verdict.state));
    if (write->verdict.state == State::won) {
      REQUIRE(write->verdict.winner.has_value());
      const Version& own = *write->verdict.winner;
      CHECK(own.origin == write->record.version.origin);
      CHECK(own.sequence == write->record.version.sequence);
      // It was committed at its revision, so what stands now is it, or came later.
      CHECK(own.revision <= stands.revision);
      if (own.revision == stands.revision) {
        explained = true;
        CHECK(final.valid == write->record.value.has_value());
        CHECK(final.value == write->record.value.value_or(""));
      }
    }
    if (write->verdict.state == State::superseded) {
      // The version rule: it had not seen the winner, so the winner is greater.
      REQUIRE(write->verdict.winner.has_value());
      CHECK(rank(*write->verdict.winner) > rank(write->record.version));
      CHECK(write->verdict.winner->revision <= stands.revision);
    }
    CHECK(write->verdict.state != State::rejected);
  }
  CHECK(explained);
}

}  // namespace

TEST_CASE(
    "offline: under kill -9 every token gets exactly one verdict, and the version rule explains "
    "what stands") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  std::mt19937_64 random(seed() + 1);
  std::vector<OfflineRecord> records;
  std::vector<Settled> settled;
  std::size_t asked = 0;
  for (int round = 0; round < rounds(); ++round) {
    LoadOptions options = load_options(cluster);
    options.operations_max = 150;
    options.offline_percent = 100;
    Load load(options, static_cast<std::uint64_t>(round));
    trouble(cluster, random);
    const std::vector<Seen> all = load.finish();
    CHECK(surprises_of(all) == "");
    for (const Seen& seen : all) {
      records.insert(records.end(), seen.offline.begin(), seen.offline.end());
    }
    // All is judged after every second round, not after each: to judge is to wait until all has
    // settled, and then no pending write would ever meet those of the round before.
    if (round % 2 == 0 && round + 1 < rounds()) continue;

    for (Settled& write : settle_all(cluster, std::span(records).subspan(asked))) {
      settled.push_back(std::move(write));
    }
    asked = records.size();
    cluster.wait_until_quiet();
    std::map<std::string, std::vector<const Settled*>> settled_of;
    std::map<std::string, std::vector<const OfflineRecord*>> in_doubt_of;
    std::map<std::string, int> states;
    std::set<std::string> tokens;
    for (const Settled& write : settled) {
      settled_of[write.record.key].push_back(&write);
      ++states[text_of(write.verdict.state)];
      CAPTURE(write.record.token);
      CHECK(tokens.insert(write.record.token).second);
      CHECK(write.verdict.state != State::pending);
      CHECK(write.verdict.state != State::forgotten);
    }
    for (const OfflineRecord& record : records) {
      if (!record.acknowledged) in_doubt_of[record.key].push_back(&record);
    }
    std::string counts;
    for (const auto& [state, count] : states) counts += " " + state + " " + std::to_string(count);
    MESSAGE("round ", round, ": ", settled.size(), " acknowledged:", counts);

    check_order(settled);
    check_replaced(settled);
    for (const auto& [key, writes] : settled_of) {
      const Response final = take(cluster.client(1)->get(key, kPatient));
      check_final_value(key, final, writes, in_doubt_of[key]);
      for (Number node = 2; node <= 3; ++node) {
        const Response same = take(cluster.client(node)->get(key, kPatient));
        CHECK(same.version == final.version);
        CHECK(same.value == final.value);
      }
    }
  }

  // A verdict never changes: not when asked again, and not over a restart of all.
  cluster.kill_all();
  cluster.start_all();
  cluster.wait_for_leader();
  const std::vector<Settled> again = settle_all(cluster, records);
  REQUIRE(again.size() == settled.size());
  std::map<std::size_t, std::size_t> newer;  // of each node
  for (std::size_t i = again.size(); i-- > 0;) {
    if (again[i].verdict.state == State::forgotten) {
      CHECK(newer[again[i].record.server] > kVerdictsKept / 2);
      continue;
    }
    ++newer[again[i].record.server];
    CAPTURE(again[i].record.token);
    CHECK(again[i].verdict == settled[i].verdict);
  }

  // Whoever lost stands on the list, beside one that is greater; the lists are equal.
  std::set<std::string> lists;
  for (Number node = 1; node <= 3; ++node) {
    std::string list;
    std::string cursor;
    const auto client = cluster.client(node);
    do {
      const ConflictPage page = take(client->conflicts(1000, cursor));
      for (const ConflictItem& item : page.items) {
        list += item.key + " " + std::to_string(item.lost.version.origin.value) + " " +
                std::to_string(item.lost.version.sequence.value) + "\n";
        CAPTURE(item.key);
        CHECK(rank(item.won.version) > rank(item.lost.version));
      }
      cursor = page.cursor;
    } while (!cursor.empty());
    lists.insert(list);
  }
  CHECK(lists.size() == 1);
}
