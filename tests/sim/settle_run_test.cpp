// Whole clusters under the settling model: crashes, partitions, copies; and its last checks, seen
// to fail.
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "kv/stored.hpp"
#include "kv/table_keys.hpp"
#include "sim/settle_hand.hpp"
#include "sim/settle_storm.hpp"

namespace causeway::sim::testing {
namespace {

using std::chrono::milliseconds;

std::uint64_t seeds() {
  const char* text = std::getenv("CAUSEWAY_SEEDS");
  return text == nullptr ? 20 : std::strtoull(text, nullptr, 10);
}

TEST_CASE("storms over clusters: nodes, journals and callers agree with the model") {
  SettleModel::Counts counts;
  std::map<std::string, std::size_t> struck;
  const std::uint64_t all = seeds();
  for (std::uint64_t seed = 1; seed <= all; ++seed) {
    CAPTURE(seed);
    Storm storm(seed);
    const std::string said = said_of([&] {
      storm.run(milliseconds(8000), true);
      storm.calm();
      storm.run(milliseconds(1000), false);
      storm.model.finish();
    });
    CHECK(said == "");
    const SettleModel::Counts more = storm.model.counts();
    counts.acknowledged += more.acknowledged;
    counts.awaited += more.awaited;
    counts.replaced += more.replaced;
    counts.verdicts += more.verdicts;
    counts.void_batches += more.void_batches;
    counts.freed += more.freed;
    counts.write_results += more.write_results;
    counts.tables += more.tables;
    for (const auto& [fault, times] : storm.struck) struck[fault] += times;
  }
  MESSAGE(counts.acknowledged, " offline writes, ", counts.awaited, " awaited, of these ",
          counts.replaced, " replaced; ", counts.verdicts, " verdicts, ", counts.void_batches,
          " void batches, ", counts.freed, " frees, ", counts.write_results, " write results, ",
          counts.tables, " tables");
  for (const auto& [fault, times] : struck) MESSAGE(fault, ": ", times);
  CHECK(counts.awaited == counts.acknowledged);
  CHECK(counts.acknowledged > 100 * all);
  CHECK(counts.replaced > 5 * all);
  CHECK(counts.verdicts > 20 * all);
  CHECK(counts.freed > 10 * all);
  CHECK(counts.write_results > 20 * all);
  CHECK(counts.void_batches > 0);
  for (const char* fault :
       {"kill", "power", "power in a step", "partition", "pause", "full disk", "clock"}) {
    INFO("a fault that never happened shows nothing: ", std::string(fault));
    CHECK(struck[fault] > 0);
  }
}

// An image of a node with pending writes, which settle later under the origin that it shows.
DataDirectory image_of(Storm& storm, const std::string& name) {
  storm.cluster.partition({{"1", "2", "4", "5"}, {name}});
  storm.run(milliseconds(300), false);
  storm.cluster.kill(name);
  DataDirectory image = storm.cluster.node(name).directory();
  storm.start(name);
  storm.run(milliseconds(300), false);
  storm.calm();
  storm.run(milliseconds(1500), false);
  return image;
}

TEST_CASE("an old copy of a directory agrees with the model under its new origin") {
  std::size_t moved = 0;
  std::size_t moved_writes = 0;
  std::size_t settled_before = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Storm storm(seed);
    const std::string said = said_of([&] {
      storm.run(milliseconds(1500), false);
      const DataDirectory image = image_of(storm, "3");
      storm.put_back("3", image);
      // It writes on alone, and then finds out.
      storm.cluster.partition({{"1", "2", "4", "5"}, {"3"}});
      storm.run(milliseconds(300), false);
      storm.calm();
      storm.run(milliseconds(2000), false);
      moved += storm.cluster.node("3").directory().old_origins.size();
      storm.model.finish();
    });
    CHECK(said == "");
    moved_writes += storm.model.counts().moved;
    settled_before += storm.model.counts().moved_settled_before;
  }
  CHECK(moved >= 8);
  CHECK(moved_writes > settled_before);
  CHECK(settled_before > 20);
}

TEST_CASE("a wiped node under its old name agrees with the model") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Storm storm(seed);
    const std::string said = said_of([&] {
      storm.run(milliseconds(1500), false);
      storm.wipe("2");
      storm.run(milliseconds(2000), false);
      storm.model.finish();
    });
    CHECK(said == "");
  }
}

// ---- the last checks fail where they should

crdt::OfflineWrite acknowledged_by_hand(Storm& storm, std::uint64_t sequence) {
  crdt::OfflineWrite write;
  write.dot = {storm.cluster.node("1").directory().origin, {sequence}};
  write.stamp = {7};
  write.seen.index = storm.model.state().index();
  write.key = "lost";
  storm.model.called(0, {1, 1'000'000 + sequence},
                     wire::WriteCall{.key = write.key, .consistent = false});
  storm.model.journal_step(0, {Hand::append(1'000'000 + sequence, wire::RecordType::offline_write,
                                            wire::encode(write))});
  storm.model.journal_done(0, {storage::Durable{1'000'000 + sequence}});
  Response response;
  response.token = crdt::to_string(write.dot);
  response.version = Version{.stamp = write.stamp};
  storm.model.answered(0, 1'000'000 + sequence, wire::Answer(response));
  return write;
}

TEST_CASE("what only shows at the end") {
  struct Row {
    std::string why;
    std::string invariant;
    std::function<void(Storm&)> change;
  };
  const auto first_row = [](Storm& storm) {
    MapTable& table = storm.cluster.node("2").directory().table;
    return *table.rows().lower_bound(kv::keys::data(""));
  };
  const std::vector<Row> rows = {
      {"nothing is wrong", "", [](Storm&) {}},
      {"a write that nobody has ever seen settle", "nothing-vanishes",
       [](Storm& storm) { static_cast<void>(acknowledged_by_hand(storm, 900)); }},
      {"replaced by one that never settled", "nothing-vanishes",
       [](Storm& storm) {
         crdt::OfflineWrite write = acknowledged_by_hand(storm, 900);
         write.replaces = {900};
         write.dot.sequence = {901};
         storm.model.recovered(0, wire::JournalRecord(write));
       }},
      {"a node that cannot settle", "verdict-learnt",
       [](Storm& storm) {
         storm.cluster.partition({{"1"}, {"2", "3", "4", "5"}});
         storm.cluster.call("1", wire::WriteCall{.key = "a", .consistent = false});
         storm.cluster.run_for(milliseconds(10));
       }},
      {"a node that lags", "model-state",
       [](Storm& storm) {
         storm.cluster.partition({{"1"}, {"2", "3", "4", "5"}});
         storm.cluster.call("2", wire::WriteCall{.key = "a"});
         storm.cluster.call("3", wire::WriteCall{.key = "a"});
         storm.cluster.run_for(std::chrono::seconds(5));
       }},
      {"a value that is another on one node", "model-state",
       [&](Storm& storm) {
         const auto [key, row] = first_row(storm);
         auto stored = kv::decode_stored(row);
         storm.cluster.node("2").directory().table.overwrite(
             key, kv::encode_stored(stored->version, std::string(stored->value()) + "!"));
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Storm storm(3);
    CHECK(broken_by([&] {
            storm.run(milliseconds(2000), false);
            storm.cluster.run_for(std::chrono::seconds(10));
            row.change(storm);
            storm.model.finish();
          }) == row.invariant);
  }
}

}  // namespace
}  // namespace causeway::sim::testing
