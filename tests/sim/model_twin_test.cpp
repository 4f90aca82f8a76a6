// The model beside three real state machines, over random logs that keep few of the rules that
// nodes keep: batches that do not follow, calls out of order, starts again and again, moved writes.
#include <algorithm>

#include "base/random.hpp"
#include "kv/limits.hpp"
#include "sim/settle_hand.hpp"

namespace causeway::sim::testing {
namespace {

class RandomLog {
 public:
  explicit RandomLog(std::uint64_t seed) : random_(seed) {}

  void play(std::size_t entries) {
    for (std::size_t i = 0; i < entries; ++i) {
      hand.commit(command());
      for (Peer peer = 0; peer < 3; ++peer) {
        if (random_.below(3) == 0) hand.model.applied(peer, hand.apply(peer));
        if (random_.below(200) == 0) crash(peer);
      }
    }
    for (Peer peer = 0; peer < 3; ++peer) hand.model.applied(peer, hand.apply(peer));
  }

  Hand hand;

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  void crash(Peer peer) {
    hand.appliers[peer].reset();
    MapTable& table = hand.directory(peer).table;
    table.crash(below(table.unflushed() + 1));
    hand.restart(peer);
  }

  Blob command() {
    switch (below(6)) {
      case 0: return below(4) == 0 ? start() : settle();
      case 1:
      case 2: return settle();
      default: return write();
    }
  }

  Blob start() {
    return kv::encode(kv::Start{.origin = hand.origin(peer()),
                                .incarnation = {100 + below(6)},
                                .number = 1 + below(3) + hand.log.size() / 40});
  }

  Blob write() {
    const Peer by = peer();
    kv::Write write;
    write.kind = kv::CommandKind(1 + below(3));
    const std::uint64_t base = hand.log.size() / 20;
    write.call = {hand.origin(by), {100 + below(6)}, base + below(8), base + below(6)};
    if (below(100) == 0) write.call.number += kv::kResultsMax - 4;
    const std::uint64_t settled = hand.proposers[by].follows.value;
    write.reached = {settled + below(5) - std::min<std::uint64_t>(settled, 2)};
    const std::string key = this->key();
    const std::string value = "v" + std::to_string(below(3));
    const std::string expected = "v" + std::to_string(below(3));
    write.key = key;
    if (write.kind != kv::CommandKind::remove) write.value = value;
    if (write.kind == kv::CommandKind::swap && below(2) == 0) write.expected = expected;
    return kv::encode(write);
  }

  Blob settle() {
    const Peer by = peer();
    std::vector<crdt::OfflineWrite> items;
    std::uint64_t sequence = hand.proposers[by].follows.value;
    for (std::uint64_t left = below(4); left > 0; --left) {
      sequence += 1 + below(2);
      items.push_back(item(by, sequence));
    }
    const Proposer before = hand.proposers[by];
    hand.proposers[by].learnt_through = {before.follows.value -
                                         std::min<std::uint64_t>(before.follows.value, below(9))};
    kv::Settle batch = hand.proposers[by].batch(std::move(items));
    // One of these does not follow what the state holds, or breaks a rule of batches.
    switch (below(10)) {
      case 0: batch.follows = batch.follows.next(); break;
      case 1: batch.chain ^= 1; break;
      case 2: batch.origin = {77}; break;
      default: break;
    }
    for (crdt::OfflineWrite& each : batch.items) each.dot.origin = batch.origin;
    const bool ordered = std::is_sorted(
        batch.items.begin(), batch.items.end(),
        [](const auto& a, const auto& b) { return a.dot.sequence < b.dot.sequence; });
    bool distinct = true;
    for (const auto& a : batch.items) {
      for (const auto& b : batch.items) distinct = distinct && (&a == &b || a.key != b.key);
    }
    const bool follows = batch.follows == before.follows && batch.chain == before.chain &&
                         batch.origin == before.origin;
    if (!follows || !ordered || !distinct) hand.proposers[by] = before;
    return kv::encode(batch);
  }

  crdt::OfflineWrite item(Peer by, std::uint64_t sequence) {
    crdt::OfflineWrite write = hand.offline(by, sequence, key());
    const std::uint64_t now = 1000 * (hand.log.size() + 1);
    write.stamp = {1 + below(2 * now)};
    write.seen.index = {hand.log.size() - std::min<std::size_t>(hand.log.size(), below(12))};
    write.deleted = below(4) == 0;
    write.value = Blob::copy_of(write.deleted ? "" : "v" + std::to_string(below(3)));
    if (below(40) == 0) write.expires_ms = 1;
    if (below(5) != 0) return write;
    // Under another dot before: of one that settled, or did not, with the same content or other.
    const Peer other = (by + 1) % 3;
    const std::uint64_t reached = hand.proposers[other].follows.value;
    if (below(2) == 0 || settled_.empty()) {
      write.old_dot = {hand.origin(other), {1 + below(reached + 3)}};
    } else {
      const crdt::OfflineWrite& old = settled_[settled_.size() - 1 - below(settled_.size())];
      write.key = old.key;
      write.value = old.value;
      write.deleted = old.deleted;
      write.old_dot = old.dot;
    }
    write.old_chain = 1;
    return write;
  }

  Peer peer() { return static_cast<Peer>(below(3)); }
  std::string key() { return std::string(1, static_cast<char>('a' + below(4))); }

 public:
  /// Gathers what settles, for items to be moved.
  void gather() {
    settled_.clear();
    for (const kv::LogEntry& entry : hand.log) {
      const auto command = kv::decode(entry.payload);
      const auto* batch = std::get_if<kv::Settle>(&command.value());
      if (batch == nullptr) continue;
      for (const crdt::OfflineWrite& item : batch->items) {
        if (hand.model.state().settled(item.dot) != nullptr) settled_.push_back(item);
      }
    }
  }

 private:
  Random random_;
  std::vector<crdt::OfflineWrite> settled_;
};

TEST_CASE("over any log the model and the state machine come to the same") {
  SettleModel::Counts counts;
  std::map<crdt::VerdictKind, std::size_t> verdicts;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    RandomLog log(seed);
    for (int part = 0; part < 8; ++part) {
      log.play(250);
      log.gather();
    }
    const SettleModel::Counts more = log.hand.model.counts();
    counts.write_results += more.write_results;
    counts.verdicts += more.verdicts;
    counts.void_batches += more.void_batches;
    counts.tables += more.tables;
    counts.losers += more.losers;
    for (LogIndex at{1}; at <= log.hand.model.state().index(); at = at.next()) {
      const auto& outcome = log.hand.model.state().outcome(at);
      if (const auto* settled = std::get_if<kv::SettleResult>(&outcome.result)) {
        for (const crdt::Verdict& verdict : settled->verdicts) ++verdicts[verdict.kind];
      }
    }
  }
  MESSAGE(counts.write_results, " write results, ", counts.verdicts, " verdicts, ",
          counts.void_batches, " void batches, ", counts.tables, " tables, ", counts.losers,
          " losers listed");
  CHECK(counts.write_results > 1000);
  CHECK(counts.verdicts > 1000);
  CHECK(counts.void_batches > 100);
  CHECK(counts.tables >= 60);
  CHECK(counts.losers > 1000);
  CHECK(verdicts[crdt::VerdictKind::won] > 100);
  CHECK(verdicts[crdt::VerdictKind::superseded] > 100);
  CHECK(verdicts[crdt::VerdictKind::rejected] > 100);
}

TEST_CASE("the model forgets the chain of what settled long ago when the state does") {
  Hand hand;
  const std::uint64_t settled = kv::kChainHistoryMin + 10;
  std::vector<crdt::OfflineWrite> old;
  hand.proposers[0].learnt_through = {3 * settled};
  for (std::uint64_t n = 1; n <= settled; ++n) {
    old.push_back(hand.offline(0, 2 * n, "k" + std::to_string(2 * n)));
    hand.play(0, hand.settle(0, {old.back()}));
  }
  hand.play(0, hand.settle(0, {}));
  std::vector<crdt::OfflineWrite> items;
  for (const std::uint64_t sequence : {2u, 20u, 21u, 22u, 24u, 2068u, 2069u}) {
    crdt::OfflineWrite item = hand.offline(1, items.size() + 1, "k" + std::to_string(sequence));
    item.value = Blob::copy_of("v" + std::to_string(sequence));
    item.old_dot = {hand.origin(0), {sequence}};
    items.push_back(item);
  }
  hand.play(1, hand.settle(1, items));
  const auto& result =
      std::get<kv::SettleResult>(hand.model.state().outcome(hand.model.state().index()).result);
  std::size_t rejected = 0;
  for (const crdt::Verdict& verdict : result.verdicts)
    rejected += verdict.kind == crdt::VerdictKind::rejected;
  CHECK(rejected == 5);  // all but 21 and 2069, which never settled
}

TEST_CASE(
    "beyond its bounds the list of losers drops the oldest values and lines, as the model says") {
  Hand hand;
  hand.play(1, hand.start(1));
  hand.play(1, hand.set(1, 1, "committed"));
  std::uint64_t next = 1;
  const auto loses = [&](std::size_t value_bytes) {
    crdt::OfflineWrite item = hand.offline(0, next++);
    item.value = Blob::copy_of(std::string(value_bytes, 'v'));
    hand.proposers[0].learnt_through = hand.proposers[0].follows;
    hand.play(0, hand.settle(0, {item}));
  };
  for (int i = 0; i < 12; ++i) loses(100'000);
  loses(kv::kValueBytesMax);
  while (next <= kv::kConflictsMax + 10) loses(10);
  CHECK(hand.model.state().losers().size() == kv::kConflictsMax);
  CHECK(hand.model.counts().losers > kv::kConflictsMax);
}

TEST_CASE("a batch beyond the verdicts that nobody has learnt is void to both") {
  Hand hand;
  std::uint64_t next = 1;
  const auto items = [&](std::size_t count) {
    std::vector<crdt::OfflineWrite> result;
    for (; count > 0; --count, ++next)
      result.push_back(hand.offline(0, next, std::to_string(next)));
    return result;
  };
  while (next <= kv::kUnlearntMax) hand.play(0, hand.settle(0, items(kv::kSettleItemsMax)));
  const Proposer before = hand.proposers[0];
  hand.play(0, hand.settle(0, items(1)));
  CHECK(hand.model.counts().void_batches == 1);
  hand.proposers[0] = before;
  next = before.follows.value + 1;
  hand.proposers[0].learnt_through = {1};
  hand.play(0, hand.settle(0, items(1)));
  CHECK(hand.model.counts().void_batches == 1);
  hand.play(0, hand.settle(0, items(kv::kSettleItemsMax + 1)));
  CHECK(hand.model.counts().void_batches == 2);
}

}  // namespace
}  // namespace causeway::sim::testing
