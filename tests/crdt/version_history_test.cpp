// The version rule against an obvious model, over whole histories.
//
// The rule knows two numbers of a write: the index that its node had applied, and how many writes
// that node had made. The model knows the truth: for each write the set of writes that its writer
// knew of when he made it. In the world below three nodes with clocks that lie write one key,
// offline and consistently; the log settles it in any order that the design allows. Whenever an
// offline write meets the committed one, the model says who wins:
//
//     it wins over what its writer knew of; else the greater (stamp cut to log time, origin,
//     sequence) wins
//
// and between that and `meet` no difference is allowed. Stamps of the key must rise from version to
// version.
#include <deque>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/version.hpp"
#include "property.hpp"

namespace causeway::crdt {
namespace {

using WriteId = int;

struct Pending {
  OfflineWrite write;
  WriteId id = 0;
  std::set<WriteId> knew;
};

struct Node {
  Origin origin;
  Sequence reached;
  std::size_t applied = 0;      // entries of the log
  std::deque<Pending> pending;  // offline writes that have not settled in the log
  std::set<WriteId> own;        // everything that this node ever wrote
};

struct Committed {
  StoredVersion version;
  WriteId id = 0;
};

class World {
 public:
  World() {
    for (std::uint64_t i = 0; i < 3; ++i) nodes_.push_back({.origin = {30 - 10 * i}});
  }

  void offline_set(std::size_t at, std::uint64_t stamp) {
    Node& node = nodes_[at];
    const Pending* held = visible_pending(node);
    Pending made;
    made.id = ++last_id_;
    node.reached = node.reached.next();
    made.write.dot = {node.origin, node.reached};
    made.write.stamp = {stamp};
    made.write.seen = held != nullptr ? held->write.seen : Seen{{node.applied}, {}};
    // Knows its own writes, in doubt or not; and what it shows: behind a pending write, no more
    // than that one knew.
    made.knew = held != nullptr ? held->knew : seen_in_log(node);
    made.knew.insert(node.own.begin(), node.own.end());
    node.own.insert(made.id);
    node.pending.push_back(std::move(made));
  }

  // A consistent write through a node with a pending write of the key waits until that is settled
  // (promise 2).
  void consistent_set(std::size_t at) {
    Node& node = nodes_[at];
    if (!node.pending.empty() || visible_pending(node) != nullptr) return;
    const WriteId id = ++last_id_;
    node.own.insert(id);
    ++log_time_;
    commit({{.revision = {log_.size() + 1},
             .stamp = {log_time_},
             .origin = node.origin,
             .sequence = node.reached,
             .kind = WriteKind::consistent},
            id});
  }

  // Settles the oldest pending write of a node.
  void settle(std::size_t at, std::uint64_t log_time_step) {
    Node& node = nodes_[at];
    if (node.pending.empty()) return;
    Pending item = std::move(node.pending.front());
    node.pending.pop_front();
    log_time_ += 1 + log_time_step;
    settled_[at].push_back({item, log_.size() + 1});

    std::optional<StoredVersion> before;
    if (!log_.empty()) before = log_.back().version;
    const Meeting got = meet(item.write, before, {log_time_});
    RC_ASSERT(got.item_wins == model_wins(item));
    if (!got.item_wins) {
      commit(log_.back());  // the entry settles it as superseded; the key keeps its version
      return;
    }
    RC_ASSERT(got.stamp <= Stamp{log_time_});
    if (before) RC_ASSERT(got.stamp > before->stamp);
    RC_ASSERT(got.succession == (!before || item.knew.contains(log_.back().id)));
    commit({{.revision = {log_.size() + 1},
             .stamp = got.stamp,
             .origin = node.origin,
             .sequence = item.write.dot.sequence,
             .kind = WriteKind::offline},
            item.id});
  }

  void apply(std::size_t at, std::size_t entries) {
    Node& node = nodes_[at];
    node.applied = std::min(log_.size(), node.applied + entries);
  }

 private:
  struct SettledOne {
    Pending pending;
    std::size_t index;
  };

  void commit(Committed version) { log_.push_back(std::move(version)); }

  bool model_wins(const Pending& item) const {
    if (log_.empty()) return true;
    const Committed& committed = log_.back();
    if (item.knew.contains(committed.id)) return true;
    const auto order = [](Stamp stamp, Origin origin, Sequence sequence) {
      return std::tuple(stamp, origin, sequence);
    };
    const Stamp cut = std::min(item.write.stamp, Stamp{log_time_});
    return order(cut, item.write.dot.origin, item.write.dot.sequence) >
           order(committed.version.stamp, committed.version.origin, committed.version.sequence);
  }

  // The newest write of this node that it still shows: until the entry that settles it is applied
  // here.
  const Pending* visible_pending(const Node& node) const {
    if (!node.pending.empty()) return &node.pending.back();
    const auto& settled = settled_[static_cast<std::size_t>(&node - nodes_.data())];
    if (settled.empty() || settled.back().index <= node.applied) return nullptr;
    return &settled.back().pending;
  }

  std::set<WriteId> seen_in_log(const Node& node) const {
    std::set<WriteId> seen;
    for (std::size_t i = 0; i < node.applied; ++i) seen.insert(log_[i].id);
    return seen;
  }

  std::vector<Node> nodes_;
  std::vector<Committed> log_;  // the key's version behind each entry
  std::deque<SettledOne> settled_[3];
  std::uint64_t log_time_ = 100;
  WriteId last_id_ = 0;
};

TEST_CASE("whoever wins is explained by who had seen what, and by the stamps where nobody had") {
  causeway::test::property("the version rule agrees with the sets of what each writer knew", [] {
    using Step = std::tuple<std::uint8_t, std::uint8_t, std::uint16_t>;
    const auto steps = *rc::gen::container<std::vector<Step>>(
        rc::gen::tuple(rc::gen::inRange<std::uint8_t>(0, 7), rc::gen::inRange<std::uint8_t>(0, 3),
                       rc::gen::inRange<std::uint16_t>(0, 400)));
    World world;
    for (const auto& [kind, at, number] : steps) {
      switch (kind) {
        case 0:
        case 1:
          world.offline_set(at, number);
          break;  // around log time, before and beyond it, with ties
        case 2: world.consistent_set(at); break;
        case 3:
        case 4: world.settle(at, number % 5); break;
        default: world.apply(at, 1 + number % 3); break;
      }
    }
  });
}

}  // namespace
}  // namespace causeway::crdt
