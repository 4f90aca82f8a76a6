// Same log, same table: however the log is cut into steps, and wherever the process dies.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "base/random.hpp"
#include "kv/limits.hpp"
#include "kv/machine.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv::testing {
namespace {

// A log of everything that can stand in one, sensible and not: few keys and numbers, so that much
// collides.
class LogMaker {
 public:
  explicit LogMaker(std::uint64_t seed) : random_(seed) {}

  std::vector<LogEntry> make(std::size_t size) {
    std::vector<LogEntry> log;
    for (std::uint64_t index = 1; index <= size; ++index) {
      LogEntry entry{.index = {index},
                     .term = {1 + index / 10},
                     .log_time = log_time_at(index),
                     .command = random_.below(12) != 0,
                     .payload = {},
                     .hash = random_.next()};
      if (entry.command) entry.payload = payload();
      log.push_back(std::move(entry));
    }
    return log;
  }

 private:
  struct Node {
    Origin origin;
    Proposer proposer{origin};
    std::uint64_t start = 0;
    std::uint64_t incarnation = 0;
    std::uint64_t lowest = 1;
    std::uint64_t number = 1;
    std::uint64_t sequence = 0;
  };

  Blob payload() {
    Node& node = nodes_[random_.below(2)];
    const std::uint64_t drawn = random_.below(20);
    if (node.start == 0 || drawn == 0) return start(node);
    if (drawn < 14) return write(node);
    return settle(node);
  }

  Blob start(Node& node) {
    const std::uint64_t number = node.start + random_.below(3);
    if (number > node.start) {
      node.start = number;
      node.incarnation = 100 * node.origin.value + number;
      node.lowest = node.number = 1;
    }
    return encode(Start{.origin = node.origin,
                        .incarnation = {100 * node.origin.value + number},
                        .number = number});
  }

  Blob write(Node& node) {
    // Numbers go on, come again, and skip rows; the lowest unanswered one follows.
    node.number += random_.below(3) == 0 ? random_.below(70) : random_.below(3);
    if (random_.below(3) == 0) node.lowest = std::min(node.number, node.lowest + random_.below(90));
    const CommandKind kinds[] = {CommandKind::set, CommandKind::remove, CommandKind::swap};
    WriteOf of{.kind = kinds[random_.below(3)],
               .number = node.number,
               .key = key(),
               .value = value(),
               .lowest = node.lowest,
               .reached = node.sequence - std::min(node.sequence, random_.below(3)),
               .origin = node.origin,
               .incarnation = {node.incarnation - random_.below(2)}};
    if (random_.below(10) == 0) of.number = random_.below(2) == 0 ? 1 : of.number + kResultsMax;
    if (of.kind == CommandKind::swap && random_.below(2) == 0) of.expected = value();
    return command(of);
  }

  Blob settle(Node& node) {
    Proposer proposer = node.proposer;
    std::vector<Offline> items;
    std::uint64_t sequence = node.sequence;
    for (std::uint64_t n = random_.below(4); n > 0; --n) {
      sequence += 1 + random_.below(2);
      Offline item{.sequence = sequence,
                   .key = key() + std::to_string(n % 2),
                   .value = value(),
                   .deleted = random_.below(4) == 0,
                   .stamp = random_.below(100000),
                   .seen = random_.below(60)};
      if (random_.below(6) == 0) {
        item.old_dot = {random_.below(2) == 0 ? kA : kB, {1 + random_.below(20)}};
        item.old_chain = random_.below(2) == 0 ? node.proposer.chain() : 1;
      }
      items.push_back(item);
    }
    if (items.size() > 1) items[1].key = items[0].key + "x";
    if (items.size() > 2) items[2].key = items[0].key + "y";
    proposer.learnt_through = {node.sequence - std::min(node.sequence, random_.below(8))};
    const Settle batch = proposer.batch(items);
    // One in five is lost on its way; the next ones then propose from the same place.
    if (random_.below(5) != 0) {
      node.proposer = proposer;
      node.sequence = sequence;
      return encode(batch);
    }
    Settle void_one = batch;
    void_one.chain ^= 1;
    return encode(void_one);
  }

  std::string key() { return std::string(1, static_cast<char>('a' + random_.below(4))); }
  std::string value() {
    // Sometimes so large that the superseded list must drop values.
    return std::string(random_.below(30) == 0 ? 400000 : random_.below(3), 'v');
  }

  Random random_;
  Node nodes_[2] = {{.origin = kA}, {.origin = kB}};
};

bool same(const Applied& a, const Applied& b) {
  return a.writes == b.writes && a.settles == b.settles && a.starts == b.starts;
}

void append(Applied& all, const std::vector<Output>& out) {
  for (const Output& output : out) {
    REQUIRE(std::holds_alternative<Applied>(output));
    const Applied& part = std::get<Applied>(output);
    all.position = part.position;
    all.writes.insert(all.writes.end(), part.writes.begin(), part.writes.end());
    all.settles.insert(all.settles.end(), part.settles.begin(), part.settles.end());
    all.starts.insert(all.starts.end(), part.starts.begin(), part.starts.end());
  }
}

// Entries [from, to) of the log, as one step.
std::vector<Output> apply(Machine& machine, const std::vector<LogEntry>& log, std::size_t from,
                          std::size_t to) {
  const auto at = [&](std::size_t n) { return log.begin() + static_cast<std::ptrdiff_t>(n); };
  return machine.step({Apply{{at(from), at(to)}}});
}

// The whole log, one entry at a time, never a crash: what everything else must come to.
struct Reference {
  std::vector<MapTable::Rows> after;  // tables behind each entry; after[0] before the first
  std::vector<Applied> told;          // by each entry
  Applied all;

  Reference(const std::vector<LogEntry>& log, Origin own) {
    Machine machine(own);
    after.push_back(machine.table.rows());
    for (std::size_t n = 0; n < log.size(); ++n) {
      const std::vector<Output> out = apply(machine, log, n, n + 1);
      append(all, out);
      told.push_back(std::get<Applied>(out[0]));
      after.push_back(machine.table.rows());
    }
  }
};

TEST_CASE("the same log gives the same table and the same answers, however it is cut into steps") {
  const bool held = rc::check([](std::uint64_t seed) {
    const std::vector<LogEntry> log = LogMaker(seed).make(120);
    const Reference reference(log, kA);
    Random random(seed ^ 1);
    Machine machine(kA);
    Applied told;
    for (std::size_t at = 0; at < log.size();) {
      const std::size_t to = std::min<std::size_t>(log.size(), at + 1 + random.below(40));
      // What was applied already may come again and is skipped.
      append(told, apply(machine, log, at - std::min<std::size_t>(at, random.below(5)), to));
      at = to;
    }
    RC_ASSERT(machine.table.rows() == reference.after.back());
    RC_ASSERT(same(told, reference.all));
    RC_ASSERT(told.position == reference.all.position);
  });
  CHECK(held);
}

TEST_CASE("a node that dies anywhere replays the log from there to the same table and answers") {
  const bool held = rc::check([](std::uint64_t seed) {
    const std::vector<LogEntry> log = LogMaker(seed).make(120);
    const Reference reference(log, kA);
    Random random(seed ^ 2);
    Machine machine(kA);
    while (machine.applier->position().index.value < log.size()) {
      const std::size_t at = machine.applier->position().index.value;
      const std::size_t to = std::min<std::size_t>(log.size(), at + 1 + random.below(20));
      const std::vector<Output> out = apply(machine, log, at, to);
      Applied told;
      append(told, out);
      Applied want;
      for (std::size_t n = at; n < to; ++n) append(want, {Output{reference.told[n]}});
      RC_ASSERT(same(told, want));
      if (random.below(2) == 0) machine.restart(random.below(machine.table.unflushed() + 1));
      // What the crash left is the state behind some entry, whole.
      const AppliedPosition left = machine.applier->position();
      RC_ASSERT(machine.table.rows() == reference.after[left.index.value]);
      if (left.index.value > 0) {
        RC_ASSERT(left.hash == log[left.index.value - 1].hash);
        RC_ASSERT(left.term == log[left.index.value - 1].term);
      }
    }
    RC_ASSERT(machine.table.rows() == reference.after.back());
  });
  CHECK(held);
}

TEST_CASE("what is replicated does not depend on whose table it is") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    const std::vector<LogEntry> log = LogMaker(seed).make(120);
    Machine one(kA);
    Machine two(kB);
    two.put_pending(offline({.sequence = 1, .key = "a"}));
    two.put_pending(offline({.sequence = 30, .key = "ax"}));
    apply(one, log, 0, log.size());
    apply(two, log, 0, log.size());
    CHECK(one.table.replicated() == two.table.replicated());
  }
}

TEST_CASE("a version's stamps only rise, and never exceed log time") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    const std::vector<LogEntry> log = LogMaker(seed).make(120);
    Machine machine(kA);
    std::map<std::string, crdt::StoredVersion> newest;
    for (std::size_t n = 0; n < log.size(); ++n) {
      apply(machine, log, n, n + 1);
      for (const auto& [key, row] : machine.table.rows()) {
        if (key[0] != keys::kData) continue;
        const GetResult result = machine.get(key.substr(1));
        REQUIRE(result.version.has_value());
        CHECK(result.version->stamp <= log[n].log_time);
        CHECK(result.version->stamp <= machine.applier->greatest_stamp());
        const auto known = newest.find(key);
        if (known != newest.end() && known->second != *result.version) {
          CHECK(known->second.stamp < result.version->stamp);
          CHECK(known->second.revision < result.version->revision);
        }
        newest[key] = *result.version;
      }
    }
  }
}

}  // namespace
}  // namespace causeway::kv::testing
