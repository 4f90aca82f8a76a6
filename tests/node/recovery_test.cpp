// What a start accepts of the past, and what it refuses to build on (design 3.3): damage is never
// taken for a torn end.
#include "node/recovery.hpp"

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"
#include "wire/log_record.hpp"

using namespace causeway;
using causeway::testing::VirtualCluster;
using node::Recovery;

namespace {

constexpr Origin kOrigin{7};

consensus::Entry entry_behind(const consensus::LogPosition& before, std::uint64_t term,
                              const std::string& payload = "x") {
  consensus::Entry entry{.index = before.index.next(),
                         .term = {term},
                         .log_time = before.log_time.next(),
                         .payload = Blob::copy_of(payload)};
  entry.hash = consensus::running_hash(before.hash, entry);
  return entry;
}

/// Feeds records; remembers the first refusal.
class Feed {
 public:
  Feed& entry(const consensus::Entry& entry) {
    char head[wire::kEntryHeadBytes];
    wire::encode_entry_head(entry, head);
    return record(wire::RecordType::entry,
                  std::string(head, sizeof head) + std::string(entry.payload.view()));
  }
  Feed& hard_state(std::uint64_t term) {
    return record(
        wire::RecordType::hard_state,
        wire::encode(consensus::HardState{.term = {term}, .voted_for = {}, .voted_origin = {}}));
  }
  Feed& mark(std::uint64_t index) {
    return record(wire::RecordType::commit_mark, wire::encode(wire::CommitMark{{index}}));
  }
  Feed& record(wire::RecordType type, const std::string& body) {
    note(recovery_.raft_record(static_cast<std::uint8_t>(type), body));
    return *this;
  }
  Feed& finish(std::uint64_t mark_file = 0) {
    recovery_.mark({mark_file});
    note(recovery_.finish());
    return *this;
  }
  [[nodiscard]] bool refused() const { return refused_; }
  consensus::Recovered take() { return recovery_.take({}).raft; }

 private:
  void note(const Result<void>& done) {
    if (done) return;
    CHECK(done.error().code == Errc::corrupt);
    CHECK_FALSE(done.error().detail.empty());
    refused_ = true;
  }
  Recovery recovery_{kOrigin, 1 << 20};
  bool refused_ = false;
};

}  // namespace

TEST_CASE("recovery takes a whole log, overwritten tails and repeated records included") {
  const auto first = entry_behind({}, 1);
  const auto second = entry_behind(position_of(first), 1);
  const auto third = entry_behind(position_of(second), 1);
  const auto other_second = entry_behind(position_of(first), 2, "other");
  Feed feed;
  feed.hard_state(1).entry(first).mark(0).entry(second).entry(third).mark(1).hard_state(2);
  feed.entry(other_second).mark(1).finish(2);
  REQUIRE_FALSE(feed.refused());
  const consensus::Recovered raft = feed.take();
  CHECK(raft.log.last() == position_of(other_second));
  CHECK(raft.hard_state.term.value == 2);
  CHECK(raft.commit_index.value == 2);  // the mark file's is the greater one
}

TEST_CASE("recovery refuses what no crash can leave") {
  const auto first = entry_behind({}, 1);
  const auto second = entry_behind(position_of(first), 1);
  const auto third = entry_behind(position_of(second), 2);
  struct Row {
    std::string why;
    std::function<void(Feed&)> feed;
  };
  const Row rows[] = {
      {"a gap", [&](Feed& f) { f.entry(first).entry(third); }},
      {"a log that does not begin at 1", [&](Feed& f) { f.entry(second); }},
      {"a damaged hash",
       [&](Feed& f) {
         auto bad = second;
         ++bad.hash;
         f.entry(first).entry(bad);
       }},
      {"a damaged payload",
       [&](Feed& f) {
         auto bad = second;
         bad.payload = Blob::copy_of("y");
         f.entry(first).entry(bad);
       }},
      {"a committed entry replaced",
       [&](Feed& f) {
         f.entry(first).entry(second).mark(2).entry(entry_behind(position_of(first), 2));
       }},
      {"a term that goes back",
       [&](Feed& f) {
         f.entry(first).entry(third.index == LogIndex{3} ? second : third);
         f.entry(third).entry(entry_behind(position_of(third), 1));
       }},
      {"log time that stands still",
       [&](Feed& f) {
         auto bad = second;
         bad.log_time = first.log_time;
         bad.hash = consensus::running_hash(first.hash, bad);
         f.entry(first).entry(bad);
       }},
      {"a term record that goes back", [&](Feed& f) { f.hard_state(3).hard_state(2); }},
      {"a mark beyond the log", [&](Feed& f) { f.entry(first).mark(2); }},
      {"a mark file beyond the log", [&](Feed& f) { f.entry(first).mark(1).finish(2); }},
      {"an unknown record type",
       [&](Feed& f) { f.record(static_cast<wire::RecordType>(9), "bytes"); }},
      {"a record that is cut", [&](Feed& f) { f.record(wire::RecordType::commit_mark, "1234"); }},
      {"a journal's record in the Raft log",
       [&](Feed& f) { f.record(wire::RecordType::settled, wire::encode(crdt::Settled{})); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Feed feed;
    row.feed(feed);
    CHECK(feed.refused());
  }
}

TEST_CASE("a node whose Raft log lost its end under the mark file refuses to start, and says why") {
  VirtualCluster cluster({.seed = 1});
  cluster.start_all();
  cluster.wait_for_leader();
  const sim::MemDisk before = cluster.node("3").directory().raft_log;
  CHECK(cluster.set("1", "k", "v").valid);
  cluster.settle();
  cluster.kill("3");
  cluster.node("3").directory().raft_log = before;  // an older file system came back
  const auto started = cluster.try_start("3");
  REQUIRE_FALSE(started);
  CHECK(started.error().code == Errc::corrupt);
  CHECK(started.error().detail.find("empty data directory") != std::string::npos);
}

TEST_CASE("a damaged byte in either log's middle is refused, and nothing on disk is changed") {
  for (const bool journal : {false, true}) {
    CAPTURE(journal);
    VirtualCluster cluster({.seed = 1});
    cluster.start("1");
    for (int i = 0; i < 5; ++i) {
      CHECK(cluster.set("1", "k" + std::to_string(i), std::string(500, 'v'), false).valid);
      cluster.run_for(std::chrono::milliseconds(5));
    }
    cluster.start("2");
    cluster.start("3");
    cluster.wait_for_leader();
    cluster.settle();
    cluster.kill("1");
    sim::DataDirectory& directory = cluster.node("1").directory();
    sim::MemDisk& disk = journal ? directory.journal : directory.raft_log;
    const auto names = disk.image();
    REQUIRE_FALSE(names.empty());
    const auto& [name, bytes] = *names.rbegin();
    const auto at = bytes.find("vvvv");
    REQUIRE(at != std::string::npos);
    disk.flip_bit(name, at + 10, 3);
    const auto damaged = disk.image();
    const auto started = cluster.try_start("1");
    REQUIRE_FALSE(started);
    CHECK(started.error().code == Errc::corrupt);
    CHECK(disk.image() == damaged);
  }
}

TEST_CASE("a Raft log of a cluster with other voters is refused") {
  VirtualCluster five({.seed = 1, .nodes = 5});
  five.start_all();
  five.wait_for_leader();
  five.settle();
  five.kill("1");
  VirtualCluster three({.seed = 2, .nodes = 3});
  three.node("1").directory().raft_log = five.node("1").directory().raft_log;
  const auto started = three.try_start("1");
  REQUIRE_FALSE(started);
  CHECK(started.error().code == Errc::corrupt);
}
