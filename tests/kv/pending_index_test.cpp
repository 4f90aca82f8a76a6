// The journal's index against an obvious model of it, and beside the state that settles its writes.
#include "kv/pending_index.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "kv/machine.hpp"

namespace causeway::kv::testing {
namespace {

Offline own(std::uint64_t sequence, std::string key, std::string value) {
  return {.sequence = sequence, .key = std::move(key), .value = std::move(value), .origin = kB};
}

PendingList list(Machine& machine, std::uint64_t from, std::size_t count = 1000,
                 std::size_t bytes = 1u << 30) {
  const std::vector<Output> out = machine.step({ListPending{1, {from}, count, bytes}});
  REQUIRE(out.size() == 1);
  return std::get<PendingList>(out[0]);
}

std::vector<std::uint64_t> sequences(const PendingList& list) {
  std::vector<std::uint64_t> result;
  for (const OfflineWrite& write : list.writes) result.push_back(write.dot.sequence.value);
  return result;
}

FreedPending free(Machine& machine, std::uint64_t through) {
  const std::vector<Output> out = machine.step({FreePending{{through}}});
  REQUIRE(out.size() == 1);
  return std::get<FreedPending>(out[0]);
}

TEST_CASE("a local get returns the newest offline write of this node until it is settled here") {
  Machine machine(kB);
  machine.apply({encode(Start{.origin = kA, .incarnation = kFirst, .number = 1})});
  machine.apply({command({.value = "committed"})});
  machine.put_pending(offline(own(1, "k", "one")));
  machine.put_pending(offline(own(2, "k", "two")));

  const GetResult local = machine.get("k", true);
  CHECK(local.value == "two");
  CHECK(local.pending);
  CHECK(local.pending_sequence == Sequence{2});
  REQUIRE(local.version.has_value());
  CHECK(local.version->revision == LogIndex{0});
  CHECK(local.version->stamp == Stamp{500});
  CHECK(local.version->sequence == Sequence{2});
  CHECK(local.version->kind == crdt::WriteKind::offline);
  CHECK(machine.get("k").value == "committed");

  Proposer proposer(kB);
  machine.settle(proposer.batch({own(1, "k", "one")}));
  CHECK(machine.get("k", true).value == "two");
  machine.settle(proposer.batch({own(2, "k", "two")}));
  CHECK_FALSE(machine.get("k", true).pending);
  CHECK(machine.get("k", true).version == machine.get("k").version);
  CHECK(sequences(list(machine, 0)) == std::vector<std::uint64_t>{1, 2});  // not freed yet
}

TEST_CASE("a pending delete reads as absent, and as pending") {
  Machine machine(kB);
  machine.settle(Proposer(kA).batch({{.value = "committed"}}));
  Offline deleted = own(1, "k", "");
  deleted.deleted = true;
  machine.put_pending(offline(deleted));
  const GetResult local = machine.get("k", true);
  CHECK(local.value == std::nullopt);
  CHECK(local.pending);
  CHECK(local.version->tombstone);
}

TEST_CASE("a pending write that loses gives way to what beat it, in the same moment") {
  Machine machine(kB);
  machine.settle(Proposer(kA).batch({{.value = "winner", .stamp = 900}}));
  machine.put_pending(offline(own(1, "k", "loser")));
  const LogEntry entry = machine.entry(encode(Proposer(kB).batch({own(1, "k", "loser")})));
  const std::vector<Output> out =
      machine.step({Get{1, "k", true}, Apply{{entry}}, Get{2, "k", true}});
  CHECK(std::get<GetResult>(out[0]).value == "loser");
  CHECK(std::get<GetResult>(out[2]).value == "winner");
  CHECK_FALSE(std::get<GetResult>(out[2]).pending);
}

TEST_CASE("other origins' settlements leave this node's pending writes alone") {
  Machine machine(kB);
  machine.put_pending(offline(own(1, "k", "mine")));
  machine.settle(Proposer(kA).batch({{.sequence = 1, .value = "theirs"}}));
  CHECK(machine.get("k", true).value == "mine");
}

TEST_CASE("records come at a start in any order and twice, and settled ones are not pending") {
  Machine machine(kB);
  Proposer proposer(kB);
  machine.settle(proposer.batch({own(1, "a", "a1"), own(2, "b", "b2")}));
  machine.put_pending(offline(own(9, "stale", "from before")));
  machine.restart();
  REQUIRE(machine.applier->clear_pending());
  CHECK(machine.find_pending("stale") == std::nullopt);
  CHECK(list(machine, 0).writes.empty());
  for (const std::uint64_t sequence : {5u, 4u, 2u, 3u, 4u, 1u, 3u}) {
    machine.put_pending(offline(own(sequence, sequence % 2 == 0 ? "b" : "a", "again")));
  }
  CHECK(machine.find_pending("a")->sequence == Sequence{5});
  CHECK(machine.find_pending("b")->sequence == Sequence{4});
  CHECK(sequences(list(machine, 0)) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
  CHECK(machine.get("a").value == "a1");

  const FreedPending freed = free(machine, 2);
  CHECK(freed.through == Sequence{2});
  CHECK(freed.key_hashes == std::vector{crdt::key_hash("a"), crdt::key_hash("b")});
  CHECK(freed.bytes == 2 * crdt::journal_bytes(offline(own(1, "a", "again"))));
  CHECK(machine.find_pending("a")->sequence == Sequence{5});
}

TEST_CASE("a write that replaces another takes its place in the index") {
  Machine machine(kB);
  machine.put_pending(offline(own(1, "k", "one")));
  OfflineWrite second = offline(own(2, "k", "two"));
  second.replaces = {1};
  second.seen = {{7}, {8}};
  machine.put_pending(second);
  const PendingList all = list(machine, 0);
  REQUIRE(all.writes.size() == 1);
  CHECK(all.writes[0] == second);  // `replaces` included: the journal's log is rewritten from here
  const std::optional<crdt::PendingWrite> held = machine.find_pending("k");
  REQUIRE(held.has_value());
  CHECK(held->sequence == Sequence{2});
  CHECK(held->seen == second.seen);
  CHECK(held->bytes == crdt::journal_bytes(second));
}

TEST_CASE("pending writes are listed in pages by sequence, each with at least one") {
  Machine machine(kB);
  for (std::uint64_t n = 1; n <= 300; ++n) {
    machine.put_pending(offline(own(n, std::to_string(n), std::string(100, 'v'))));
  }
  CHECK(sequences(list(machine, 254, 3)) == std::vector<std::uint64_t>{254, 255, 256});
  CHECK_FALSE(list(machine, 254, 3).end);
  CHECK(sequences(list(machine, 299, 3)) == std::vector<std::uint64_t>{299, 300});
  CHECK(list(machine, 299, 3).end);
  CHECK(sequences(list(machine, 5, 1000, 450)) == std::vector<std::uint64_t>{5, 6});
  CHECK(sequences(list(machine, 5, 0, 0)) == std::vector<std::uint64_t>{5});
  CHECK(list(machine, 301).end);
}

// What the index must say, kept the obvious way.
struct Model {
  std::map<std::uint64_t, OfflineWrite> records;
  std::uint64_t settled = 0;

  [[nodiscard]] const OfflineWrite* newest(const std::string& key) const {
    const OfflineWrite* found = nullptr;
    for (const auto& [sequence, write] : records) {
      if (write.key == key && sequence > settled) found = &write;
    }
    return found;
  }
};

TEST_CASE("the index agrees with the model over random writes, settlements, frees and restarts") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Machine machine(kB);
    if (random.below(2) == 0) REQUIRE(machine.applier->clear_pending());
    Proposer proposer(kB);
    Model model;
    std::uint64_t next = 1;
    for (int action = 0; action < 60; ++action) {
      switch (random.below(7)) {
        case 0:
        case 1:
        case 2: {
          OfflineWrite write =
              offline(own(next, std::string(1, static_cast<char>('a' + random.below(4))),
                          std::to_string(next)));
          const OfflineWrite* held = model.newest(write.key);
          if (held != nullptr && random.below(2) == 0) {
            write.replaces = held->dot.sequence;
            model.records.erase(write.replaces.value);
          }
          machine.put_pending(write);
          model.records[next++] = write;
          break;
        }
        case 3: {  // settle the next one or two that are live, as far as their keys differ
          std::vector<Offline> items;
          for (const auto& [sequence, write] : model.records) {
            if (sequence <= model.settled || items.size() == 2) continue;
            if (!items.empty() && items[0].key == write.key) break;
            items.push_back(own(sequence, write.key, std::string(write.value.view())));
          }
          if (items.empty()) break;
          CHECK(machine.settle(proposer.batch(items)).applied);
          model.settled = items.back().sequence;
          break;
        }
        case 4: {
          const std::uint64_t through = random.below(model.settled + 1);
          const FreedPending freed = free(machine, through);
          std::size_t count = 0;
          while (!model.records.empty() && model.records.begin()->first <= through) {
            model.records.erase(model.records.begin());
            ++count;
          }
          CHECK(freed.key_hashes.size() == count);
          break;
        }
        case 5: {  // nothing of the index needs to survive
          machine.restart(random.below(machine.table.unflushed() + 1));
          REQUIRE(machine.applier->clear_pending());
          std::vector<OfflineWrite> live;
          for (const auto& [sequence, write] : model.records) {
            const std::size_t at = random.below(live.size() + 1);
            live.insert(live.begin() + static_cast<std::ptrdiff_t>(at), write);
          }
          for (const OfflineWrite& write : live) machine.put_pending(write);
          Apply replay{machine.log};
          machine.step({replay});
          break;
        }
        default: break;
      }
      for (const std::string key : {"a", "b", "c", "d"}) {
        const OfflineWrite* want = model.newest(key);
        const std::optional<crdt::PendingWrite> held = machine.find_pending(key);
        REQUIRE(held.has_value() == (want != nullptr));
        const GetResult local = machine.get(key, true);
        REQUIRE(local.pending == (want != nullptr));
        if (want == nullptr) continue;
        CHECK(held->sequence == want->dot.sequence);
        CHECK(local.value == want->value.view());
      }
      CHECK(sequences(list(machine, 0)).size() == model.records.size());
    }
  }
}

}  // namespace
}  // namespace causeway::kv::testing
