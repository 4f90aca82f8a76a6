// Random lives of an origin: proposals that are lost, come late, come in another order; kill -9 at
// any step; a directory that was copied and put back, or runs twice. Whatever happens, each write
// takes effect once, in its origin's order, its writer learns one verdict, and once faults stop
// everything settles.
#include <functional>

#include <doctest/doctest.h>

#include "settling_world.hpp"

namespace causeway::reconcile {
namespace {

using namespace test;

struct Faults {
  bool crashes = false;
  bool late_batches = false;  ///< of earlier starts, and in any order
  bool restores = false;
  bool clones = false;
};

struct World {
  explicit World(std::uint64_t seed) : random(seed) {
    nodes.push_back(std::make_unique<Node>(log, wire, last_id, Directory{{1}, {}, {}}));
  }

  Random random;
  Log log;
  std::deque<Batch> wire;
  std::uint64_t last_id = 100;
  std::vector<std::unique_ptr<Node>> nodes;
  std::optional<Directory> copy;
  bool copied_back = false;
  bool stuck = false;

  // What happened, so that a run can say that its faults were real.
  std::size_t lost = 0;
  std::size_t voided = 0;
  std::size_t late = 0;

  Node* node_of(std::uint64_t incarnation) {
    for (auto& node : nodes) {
      if (node->incarnation() == incarnation) return node.get();
    }
    return nullptr;
  }

  void commit(std::size_t at) {
    if (at >= wire.size()) return;
    const Batch batch = wire[at];
    wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(at));
    if (node_of(batch.incarnation) == nullptr) ++late;
    log.append(batch);
    if (!log.entry(log.size()).outcome.applied) ++voided;
  }

  void lose(std::size_t at) {
    if (at >= wire.size()) return;
    const Batch batch = wire[at];
    wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(at));
    ++lost;
    if (Node* node = node_of(batch.incarnation)) node->dropped(batch.incarnation, batch.propose.id);
  }

  void step(const Faults& faults) {
    Node& node = *nodes[random.below(nodes.size())];
    // The leader is busy now and then, so that several batches are on their way.
    if (random.below(20) == 0) stuck = !stuck;
    switch (random.below(24)) {
      case 0:
      case 1:
      case 2: node.write(random); break;
      case 3:
      case 4: node.sync(random.between(1, 4)); break;
      case 5:
      case 6:
      case 7: some([&] { node.apply_one(); }); break;
      case 8:
      case 9:
      case 10: some([&] { node.hear_one(); }); break;
      case 11:
      case 12: some([&] { node.apply_entry(); }); break;
      case 13: node.confirm_read(); break;
      case 14: node.sync_mark(); break;
      case 15: node.majority(random.below(8) != 0); break;
      case 16:
      case 17:
        if (!stuck)
          commit(faults.late_batches && random.below(3) == 0 ? random.below(wire.size() + 1) : 0);
        break;
      case 18:
      case 19:
        if (!stuck && random.below(2) == 0) lose(random.below(wire.size() + 1));
        break;
      case 20: node.pass_time(std::chrono::milliseconds(random.between(1, 1000))); break;
      case 21:
        if (faults.crashes && random.below(stuck ? 2 : 8) == 0) crash(node, faults);
        break;
      case 22:
        if (random.below(4) == 0 && !copy && (faults.restores || faults.clones))
          copy = nodes[0]->image();
        break;
      default:
        if (random.below(8) == 0) use_copy(faults);
        break;
    }
  }

  void some(const std::function<void()>& act) {
    for (std::uint64_t n = random.between(1, 4); n > 0; --n) act();
  }

  void crash(Node& node, const Faults& faults) {
    const std::uint64_t before = node.incarnation();
    node.crash(random);
    // Without late ones: whatever that start had sent is lost with it.
    if (!faults.late_batches)
      std::erase_if(wire, [before](const Batch& batch) { return batch.incarnation == before; });
  }

  void use_copy(const Faults& faults) {
    if (!copy || copied_back) return;
    copied_back = true;
    auto node = std::make_unique<Node>(log, wire, last_id, *copy);
    if (faults.clones) {
      for (const auto& [sequence, write] : copy->accepted)
        log.shared.insert(std::string(write.value.view()));
      nodes.push_back(std::move(node));  // both run
    } else {
      // What the original had sent has met its fate before anybody starts the copy in its place.
      while (!wire.empty()) random.below(2) == 0 ? commit(0) : lose(0);
      nodes[0] = std::move(node);
    }
  }

  // Faults stop: everything must come to rest, within a bound.
  void heal() {
    for (int round = 0; round < 3000; ++round) {
      bool quiet = wire.empty();
      while (!wire.empty()) commit(0);
      for (auto& node : nodes) {
        node->majority(true);
        node->confirm_read();
        node->sync(9);
        node->sync_mark();
        node->apply_entry();
        node->apply_one();
        node->hear_one();
        if (node->reconciler().next_deadline() != Instant::never()) {
          node->pass_time(std::max(Duration::zero(), node->due_in()));
        }
        quiet = quiet && node->quiet();
      }
      if (quiet && wire.empty()) return;
    }
    FAIL("does not come to rest");
  }

  void check_end(const Faults& faults) {
    for (auto& node : nodes) {
      CHECK(node->journal().count() == 0);
      CHECK(node->journal().bytes() == 0);
      CHECK(node->reconciler().phase() == Phase::settling);
      for (const auto& [sequence, write] : node->accepted()) {
        CAPTURE(sequence.value);
        const Verdict* verdict = node->journal().verdict(sequence);
        const std::size_t effects = log.effects_of(std::string(write.value.view()));
        REQUIRE(effects <= (log.shared.contains(std::string(write.value.view())) ? 2 : 1));
        if (verdict == nullptr) {
          // Only where a copy took over from an original that had learnt the verdict, and so made
          // the state forget it.
          REQUIRE((faults.restores || faults.clones));
          continue;
        }
        if (verdict->kind == VerdictKind::won) REQUIRE(effects >= 1);
        // Recognised under its old dot.
        if (verdict->kind == VerdictKind::rejected) REQUIRE(effects >= 1);
        if (verdict->kind == VerdictKind::replaced && nodes.size() == 1 && !copied_back)
          REQUIRE(effects == 0);
      }
    }
  }
};

void run(const Faults& faults, std::uint64_t seeds,
         const std::function<void(const World&)>& look = {}) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < 600; ++step) world.step(faults);
    world.heal();
    world.check_end(faults);
    if (look) look(world);
  }
}

TEST_CASE("batches that are lost: each write settles once, in order, with one verdict") {
  std::size_t lost = 0;
  std::size_t voided = 0;
  run({}, 300, [&](const World& world) {
    lost += world.lost;
    voided += world.voided;
    CHECK_FALSE(world.nodes[0]->moved());
  });
  CHECK(lost > 300);
  CHECK(voided > 100);
}

TEST_CASE("kill -9 at any step: what was proposed then is lost with it") {
  run({.crashes = true}, 300, [](const World& world) { CHECK_FALSE(world.nodes[0]->moved()); });
}

TEST_CASE("kill -9 at any step, and old batches commit late, in any order") {
  std::size_t late = 0;
  run({.crashes = true, .late_batches = true}, 600, [&](const World& world) {
    late += world.late;
    // A directory that nobody copied never takes itself for a copy.
    CHECK_FALSE(world.nodes[0]->moved());
  });
  CHECK(late > 300);
}

TEST_CASE(
    "a directory that is put back from a copy: nothing twice, and what differs moves to a new "
    "origin") {
  std::size_t moved = 0;
  std::size_t stayed = 0;
  run({.crashes = true, .late_batches = true, .restores = true}, 600, [&](const World& world) {
    if (world.copied_back) ++(world.nodes[0]->moved() ? moved : stayed);
  });
  CHECK(moved > 50);
  CHECK(stayed > 50);
}

TEST_CASE("a copy that runs beside its original: nothing twice, nothing lost, one of them moves") {
  std::size_t moved = 0;
  run({.crashes = true, .late_batches = true, .clones = true}, 600, [&](const World& world) {
    for (const auto& node : world.nodes) moved += node->moved() ? 1u : 0u;
  });
  CHECK(moved > 50);
}

}  // namespace
}  // namespace causeway::reconcile
