// The checker of a leader that nobody hears: it may lead on for a while, and no longer.
#include "sim/office_check.hpp"

#include <string>

#include <doctest/doctest.h>

#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Peer a = 0;
constexpr Peer b = 1;
constexpr Peer c = 2;
constexpr Peer d = 3;

/// Four nodes of which none runs: what they say is made up. Any three are a majority.
struct World {
  Cluster cluster{{.nodes = 4}};
  OfficeCheck check{cluster, milliseconds(1000)};

  void pass(Duration time) { cluster.run_for(time); }
  void answer(Peer from) { check.delivered(from, a, consensus::AppendEntriesReply{}); }
  std::string lead(Term term = {1}) {
    return testing::broken_by([&] { check.sent(a, b, consensus::AppendEntries{.term = term}); });
  }
};

}  // namespace

TEST_CASE("a leader that hears no majority ends within two election timeouts") {
  World w;
  CHECK(w.lead().empty());
  w.pass(milliseconds(1900));
  CHECK(w.lead().empty());
  SUBCASE("it hears nobody") {
    w.pass(milliseconds(200));
    CHECK(w.lead() == "office-ends");
  }
  SUBCASE("it hears a minority") {
    w.answer(b);
    w.pass(milliseconds(200));
    CHECK(w.lead() == "office-ends");
  }
  SUBCASE("it hears a majority, one after the other") {
    w.answer(b);
    w.pass(milliseconds(1000));
    w.answer(d);
    w.pass(milliseconds(900));
    CHECK(w.lead().empty());
    w.answer(c);
    w.pass(milliseconds(1000));
    CHECK(w.lead().empty());
    w.pass(milliseconds(200));
    CHECK(w.lead() == "office-ends");
  }
  SUBCASE("it leads a new term") {
    w.pass(seconds(1));
    CHECK(w.lead({2}).empty());
  }
  SUBCASE("it stood still meanwhile") {
    w.check.look();  // none of them runs
    w.pass(seconds(1));
    CHECK(w.lead().empty());
  }
}
