// The checker of what followers forward: behind a gap nothing is taken.
#include "sim/forward_check.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;

namespace {

constexpr Peer kLeader = 0;
constexpr Peer kFollower = 1;

struct World {
  Cluster cluster{{.nodes = 3}};
  ForwardCheck check{cluster};

  void forward(std::uint64_t first, std::size_t items, Term term = {1}, Incarnation by = {7}) {
    check.delivered(kFollower, kLeader,
                    consensus::Forward{.term = term,
                                       .incarnation = by,
                                       .first_counter = first,
                                       .items = std::vector<consensus::Forward::Item>(items)});
  }
  void forward_one(std::uint64_t counter, const std::string& payload) {
    check.delivered(kFollower, kLeader,
                    consensus::Forward{.term = {1},
                                       .incarnation = {7},
                                       .first_counter = counter,
                                       .items = {{.payload = Blob::copy_of(payload)}}});
  }
  void refuse(std::uint64_t counter, Term term = {1}) {
    check.sent(kLeader, kFollower,
               consensus::ForwardReply{
                   .term = term, .incarnation = {7}, .next_counter = 1, .refused = {counter}});
  }
  std::string send(const std::string& payload, Term entry_term = {1}, Term term = {1}) {
    consensus::Entry entry;
    entry.index = {5};
    entry.term = entry_term;
    entry.payload = Blob::copy_of(payload);
    const consensus::AppendEntries append{.term = term, .entries = {entry}};
    return testing::broken_by([&] { check.sent(kLeader, kFollower, append); });
  }
  std::string answer(std::uint64_t next, Term term = {1}, Incarnation by = {7}) {
    const consensus::ForwardReply reply{.term = term, .incarnation = by, .next_counter = next};
    return testing::broken_by([&] { check.sent(kLeader, kFollower, reply); });
  }
};

}  // namespace

TEST_CASE("a leader takes what was forwarded up to the first gap") {
  World w;
  CHECK(w.answer(1).empty());
  w.forward(1, 2);
  CHECK(w.answer(2).empty());
  CHECK(w.answer(3).empty());
  CHECK(w.answer(4) == "forward-order");
  SUBCASE("one is lost") {
    w.forward(4, 2);
    CHECK(w.answer(3).empty());
    CHECK(w.answer(6) == "forward-order");
    w.forward(3, 3);  // it comes again, with those behind it
    CHECK(w.answer(6).empty());
  }
  SUBCASE("they come twice") {
    w.forward(1, 2);
    w.forward(2, 2);
    CHECK(w.answer(4).empty());
    CHECK(w.answer(5) == "forward-order");
  }
  SUBCASE("each term counts from the beginning") {
    CHECK(w.answer(2, {2}) == "forward-order");
    w.forward(1, 1, {2});
    w.forward(3, 5, {1});
    CHECK(w.answer(2, {2}).empty());
    CHECK(w.answer(3, {2}) == "forward-order");
  }
  SUBCASE("and so does each start of the follower") {
    CHECK(w.answer(2, {1}, {8}) == "forward-order");
    w.forward(1, 1, {1}, {8});
    CHECK(w.answer(2, {1}, {8}).empty());
  }
}

TEST_CASE("a leader never sends what it has refused as an entry of its term") {
  World w;
  w.forward_one(1, "first");
  w.refuse(2);
  w.forward_one(2, "second");
  CHECK(w.send("first").empty());
  CHECK(w.send("second") == "refused-for-good");
  CHECK(w.send("second", {0}).empty());  // of an older term: somebody else took it
  SUBCASE("what was refused behind its arrival, too") {
    w.refuse(1);
    CHECK(w.send("first") == "refused-for-good");
  }
  SUBCASE("but when it was proposed again, under another number") {
    w.forward_one(4, "second");
    CHECK(w.send("second").empty());
  }
  SUBCASE("each term counts from the beginning") {
    w.refuse(7, {2});
    CHECK(w.send("second", {2}, {2}).empty());
  }
}
