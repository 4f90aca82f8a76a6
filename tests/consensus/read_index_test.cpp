// Linearizable reads at any member: one request for all that wait, repeated until it is answered
// (dissertation 6.4).
#include "consensus/read_index.hpp"

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "solo.hpp"

namespace causeway::consensus::testing {

TEST_CASE("reads that wait at a follower share one request") {
  ReadIndex reads;
  reads.add(1);
  reads.add(2);
  const auto requests = reads.take_requests(1, {5});
  REQUIRE(requests.size() == 1);
  CHECK(reads.take_requests(1, {5}).empty());
  Effects out;
  reads.receive({.term = {5}, .id = requests[0].id, .accepted = true, .index = {7}}, out);
  REQUIRE(out.reads.size() == 2);
  CHECK(out.reads[0] == ReadReady{1, {7}});
  CHECK_FALSE(reads.awaits_answer());
}

TEST_CASE("a later read is not answered by an earlier request") {
  ReadIndex reads;
  reads.add(1);
  const std::uint64_t first = reads.take_requests(1, {5})[0].id;
  reads.add(2);
  const std::uint64_t second = reads.take_requests(1, {5})[0].id;
  CHECK(first != second);
  Effects out;
  reads.receive({.term = {5}, .id = first, .accepted = true, .index = {7}}, out);
  REQUIRE(out.reads.size() == 1);
  CHECK(out.reads[0].id == 1);
}

TEST_CASE(
    "a request is repeated to the next leader, in the next term, and after a pause; refusals wait "
    "for that") {
  ReadIndex reads;
  reads.add(1);
  const std::uint64_t id = reads.take_requests(1, {5})[0].id;
  CHECK(reads.take_requests(2, {6}) == std::vector<ReadIndexRequest>{{{6}, id}});
  Effects out;
  reads.receive({.term = {6}, .id = id, .index = {}}, out);
  CHECK(out.reads.empty());
  CHECK(reads.take_requests(2, {6}).empty());
  reads.ask_again();
  CHECK(reads.take_requests(2, {6}).size() == 1);
}

TEST_CASE(
    "an answer that comes late but was accepted is as good: the id says when the reads began") {
  ReadIndex reads;
  reads.add(1);
  const std::uint64_t id = reads.take_requests(1, {5})[0].id;
  CHECK(reads.take_requests(2, {6}).size() == 1);
  Effects out;
  reads.receive({.term = {5}, .id = id, .accepted = true, .index = {7}}, out);
  CHECK(out.reads.size() == 1);
  reads.receive({.term = {6}, .id = id, .accepted = true, .index = {9}}, out);
  CHECK(out.reads.size() == 1);  // unknown by now
}

TEST_CASE("a cancelled read is not answered, wherever it stood") {
  for (const int stage : {0, 1, 2}) {
    CAPTURE(stage);
    ReadIndex reads;
    reads.add(1);
    reads.add(2);
    if (stage == 1) reads.start_round(4, {9});
    if (stage == 2) CHECK(reads.take_requests(1, {5}).size() == 1);
    reads.cancel(1);
    Effects out;
    if (stage == 0) reads.start_round(4, {9});
    reads.confirmed(4, out, [](Peer, std::uint64_t, LogIndex) {});
    reads.receive({.term = {5}, .id = 1, .accepted = true, .index = {9}}, out);
    REQUIRE(out.reads.size() == 1);
    CHECK(out.reads[0].id == 2);
  }
}

TEST_CASE("a leader answers others' requests once, and not more of one peer than it can keep") {
  ReadIndex reads;
  CHECK(reads.add_remote(1, 7));
  CHECK(reads.add_remote(1, 7));
  std::size_t answers = 0;
  Effects out;
  reads.start_round(2, {3});
  CHECK(reads.add_remote(1, 7));  // repeated while its round is under way
  reads.confirmed(2, out, [&](Peer, std::uint64_t, LogIndex) { ++answers; });
  CHECK(answers == 1);
  for (std::uint64_t i = 0; i < ReadIndex::kRequestsPerPeerMax; ++i)
    CHECK(reads.add_remote(1, 100 + i));
  CHECK_FALSE(reads.add_remote(1, 99));
  CHECK(reads.add_remote(2, 99));
}

TEST_CASE("at the end of leadership others are told, and own reads wait on for the next leader") {
  ReadIndex reads;
  reads.add(1);
  CHECK(reads.add_remote(2, 7));
  reads.start_round(2, {3});
  reads.add(4);
  CHECK(reads.add_remote(2, 8));
  std::vector<std::uint64_t> refused;
  reads.leave_office([&](Peer, std::uint64_t request) { refused.push_back(request); });
  CHECK(refused == std::vector<std::uint64_t>{7, 8});
  const auto requests = reads.take_requests(1, {5});
  REQUIRE(requests.size() == 1);
  Effects out;
  reads.receive({.term = {5}, .id = requests[0].id, .accepted = true, .index = {3}}, out);
  REQUIRE(out.reads.size() == 2);
  CHECK(out.reads[0].id == 1);
}

TEST_CASE("scenario 23: a set acknowledged anywhere is seen by a read at any node") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster(5, seed);
    cluster.weather = {.loss = 10, .reorder = true};
    REQUIRE(cluster.settle());
    for (int i = 0; i < 40; ++i) {
      const std::size_t proposal = cluster.propose(static_cast<Peer>(i % 5));
      cluster.run_until([&] { return cluster.proposals()[proposal].fate != Fate::open; }, 1s);
      cluster.read(static_cast<Peer>((i + 2) % 5));  // the referee compares its index
    }
    CHECK(cluster.settle());
    CHECK(cluster.answered_reads() == 40);
    CHECK(cluster.violation() == "");
  }
}

TEST_CASE("scenario 21: all nodes restart, and a read at once waits for a commit of the new term") {
  Cluster cluster(3, 21);
  REQUIRE(cluster.settle());
  cluster.propose(0);
  REQUIRE(cluster.settle());
  for (Peer node = 0; node < 3; ++node) cluster.crash(node);
  for (Peer node = 0; node < 3; ++node) cluster.restart(node);
  for (Peer node = 0; node < 3; ++node) cluster.read(node);
  CHECK(cluster.settle());
  CHECK(cluster.answered_reads() == 3);
  CHECK(cluster.violation() == "");
}

TEST_CASE("a single voter answers at once") {
  Cluster cluster(1, 1);
  REQUIRE(cluster.settle());
  cluster.read(0);
  CHECK(cluster.answered_reads() == 1);
}

TEST_CASE("reads under load share rounds: there are far fewer messages than reads") {
  Cluster cluster(3, 1);
  REQUIRE(cluster.settle());
  const std::uint64_t before = cluster.counters().messages;
  for (int i = 0; i < 1000; ++i) {
    cluster.read(*cluster.leader());
    cluster.run_for(1us);
  }
  REQUIRE(cluster.settle());
  CHECK(cluster.answered_reads() == 1000);
  CHECK(cluster.counters().messages - before < 100);
}

}  // namespace causeway::consensus::testing
