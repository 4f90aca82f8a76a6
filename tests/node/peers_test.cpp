// Who is let in by the handshake, and whose messages are heard (design 3.4, 3.5).
#include <algorithm>

#include <doctest/doctest.h>

#include "node/connections.hpp"

using namespace causeway;
using causeway::testing::Connections;

namespace {

constexpr std::uint64_t kLink = 9000;

template <class T>
bool holds(const std::vector<T>& values, T value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

TEST_CASE("the handshake refuses who does not belong, and says what to exceed to an older start") {
  struct Row {
    std::string why;
    void (*change)(wire::Hello&, const Connections&);
    bool accepted;
    bool exceed = false;
  };
  using H = wire::Hello&;
  using C = const Connections&;
  const Row rows[] = {
      {"as it is: the same start on another connection", [](H, C) {}, true},
      {"started with other voters", [](H h, C) { ++h.voters_hash; }, false},
      {"of another cluster", [](H h, C) { ++h.cluster; }, false},
      {"does not know its cluster yet", [](H h, C) { h.cluster = 0; }, true},
      {"a name that is no voter", [](H h, C) { h.name = "9"; }, false},
      {"this node's own name", [](H h, C) { h.name = "1"; }, false},
      {"this node's own origin: a copy", [](H h, C c) { h.origin = c.hello_of.at("1").origin; },
       false},
      {"another start with the same number: a copy, or older",
       [](H h, C) { ++h.incarnation.value; }, false, true},
      {"an older start",
       [](H h, C) {
         ++h.incarnation.value;
         --h.start_number;
       },
       false, true},
      {"a newer start",
       [](H h, C) {
         ++h.incarnation.value;
         ++h.start_number;
       },
       true},
      {"a wiped directory under the old name is served, whatever its number",
       [](H h, C) {
         ++h.origin.value;
         ++h.incarnation.value;
         h.start_number = 1;
       },
       true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Connections at;
    wire::Hello hello = at.genuine();
    const std::uint64_t number = hello.start_number;
    row.change(hello, at);
    const wire::HelloReply reply = at.greet(kLink, hello);
    CHECK(reply.accepted == row.accepted);
    CHECK(reply.reason.empty() == row.accepted);
    CHECK(reply.exceed_number == (row.exceed ? number : 0));
    CHECK(reply.hello.origin == at.hello_of.at("1").origin);
    CHECK(reply.hello.incarnation == at.hello_of.at("1").incarnation);
  }
}

TEST_CASE("a newer start drops the connections of the older one, both ways") {
  Connections at;
  CHECK(at.dropped_links.empty());
  wire::Hello newer = at.genuine();
  ++newer.incarnation.value;
  ++newer.start_number;
  CHECK(at.greet(kLink, newer).accepted);
  CHECK_FALSE(at.dropped_links.empty());
  CHECK(holds(at.dropped_peers, consensus::Peer{1}));

  // And the older one is refused from now on: it is told what to exceed.
  const wire::HelloReply reply = at.greet(kLink + 1, at.genuine());
  CHECK_FALSE(reply.accepted);
  CHECK(reply.exceed_number == newer.start_number);
}

TEST_CASE("only a link that shows what the dialled connection shows is heard") {
  Connections at;
  const std::uint64_t term = at.term();
  wire::Hello stranger = at.genuine();
  ++stranger.origin.value;

  SUBCASE("the peer's own second link") {
    CHECK(at.greet(kLink, at.genuine()).accepted);
    at.say(kLink, Connections::loud(term + 10));
    CHECK(at.term() == term + 10);
  }
  SUBCASE("a link that never said hello") {
    at.say(kLink, Connections::loud(term + 10));
    CHECK(at.term() == term);
  }
  SUBCASE("a link that was refused") {
    stranger.voters_hash = 0;
    CHECK_FALSE(at.greet(kLink, stranger).accepted);
    at.say(kLink, Connections::loud(term + 10));
    CHECK(at.term() == term);
  }
  SUBCASE("a link of another directory under that name, before the dialled one shows it too") {
    CHECK(at.greet(kLink, stranger).accepted);
    at.say(kLink, Connections::loud(term + 10));
    CHECK(at.term() == term);
  }
  SUBCASE("a newer link of the same start, when the end of the older one is noticed at last") {
    CHECK(at.greet(kLink, at.genuine()).accepted);
    CHECK(at.greet(kLink + 1, at.genuine()).accepted);
    at.cluster.node("1").give(node::LinkLost{kLink});
    at.say(kLink + 1, Connections::loud(term + 10));
    CHECK(at.term() == term + 10);
  }
  SUBCASE("a link that was lost") {
    CHECK(at.greet(kLink, at.genuine()).accepted);
    at.cluster.node("1").give(node::LinkLost{kLink});
    at.say(kLink, Connections::loud(term + 10));
    CHECK(at.term() == term);
  }
}

TEST_CASE("what the peer answers is checked as what it says first") {
  struct Row {
    std::string why;
    void (*change)(wire::HelloReply&);
  };
  const Row rows[] = {
      {"refused", [](wire::HelloReply& r) { r.accepted = false; }},
      {"another name: the address is wrong", [](wire::HelloReply& r) { r.hello.name = "3"; }},
      {"other voters", [](wire::HelloReply& r) { ++r.hello.voters_hash; }},
      {"another cluster", [](wire::HelloReply& r) { ++r.hello.cluster; }},
      {"an older start",
       [](wire::HelloReply& r) {
         ++r.hello.incarnation.value;
         --r.hello.start_number;
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Connections at;
    wire::HelloReply reply{
        .accepted = true, .hello = at.genuine(), .reason = {}, .exceed_number = 0};
    row.change(reply);
    at.dropped_peers.clear();
    at.cluster.node("1").give(node::PeerDialled{1});
    at.cluster.node("1").give(node::PeerGreeted{1, reply});
    at.cluster.run_for(std::chrono::milliseconds(1));
    CHECK(at.dropped_peers == std::vector<consensus::Peer>{1});
  }
}

TEST_CASE("a start that the log knows of is not forgotten with the connection that showed it") {
  Connections at;
  const wire::Hello before = at.genuine();
  at.cluster.kill("2");
  at.cluster.start("2");
  CHECK(at.cluster.set("2", "k", "v").valid);
  at.cluster.settle();
  REQUIRE(at.genuine().start_number > before.start_number);
  at.cluster.partition({{"1"}, {"2"}, {"3"}});
  at.cluster.kill("1");
  at.cluster.start("1");
  at.cluster.run_for(std::chrono::milliseconds(50));
  wire::Hello old_copy = before;
  ++old_copy.incarnation.value;
  ++old_copy.start_number;
  const wire::HelloReply reply = at.greet(kLink, old_copy);
  CHECK_FALSE(reply.accepted);
  CHECK(reply.exceed_number == old_copy.start_number);
}

TEST_CASE(
    "a start that is applied is known without a handshake, also to who met an old copy before") {
  Connections at(10);
  REQUIRE(at.cluster.wait_for_leader() == "3");
  at.cluster.cut("1", "2");
  at.cluster.cut("2", "1");
  at.cluster.run_for(std::chrono::milliseconds(1));
  wire::Hello old_copy = at.genuine();
  ++old_copy.incarnation.value;
  ++old_copy.start_number;
  sim::Machine& node = at.cluster.node("1");
  node.give(node::PeerDialled{1});
  node.give(node::PeerGreeted{1, {.accepted = true, .hello = old_copy, .reason = {}}});
  CHECK(at.greet(kLink, old_copy).accepted);
  at.dropped_links.clear();
  at.dropped_peers.clear();

  at.cluster.kill("2");
  at.cluster.start("2");
  CHECK(at.cluster.set("2", "k", "v").valid);
  at.cluster.settle();
  CHECK(at.dropped_links == std::vector<std::uint64_t>{kLink});
  CHECK(at.dropped_peers == std::vector<consensus::Peer>{1});
  const wire::HelloReply reply = at.greet(kLink + 1, old_copy);
  CHECK_FALSE(reply.accepted);
  CHECK(reply.exceed_number == old_copy.start_number);
}

TEST_CASE("a start that another one of its directory took over from ends, and says so") {
  Connections at(2);
  const std::string lead = at.cluster.wait_for_leader();
  REQUIRE(lead == "1");
  at.cluster.partition({{"1", "3"}, {"2"}});
  at.cluster.run_for(std::chrono::milliseconds(300));
  // A copy of 2 runs in its place for a while, and its start is in the log.
  wire::Hello copy = at.genuine();
  copy.incarnation = {77};
  ++copy.start_number;
  const kv::Start start{
      .origin = copy.origin, .incarnation = copy.incarnation, .number = copy.start_number};
  consensus::Forward forward{.term = {at.term()},
                             .incarnation = copy.incarnation,
                             .first_counter = 1,
                             .lowest_open = 1,
                             .items = {}};
  forward.items.push_back({.payload = kv::encode(start)});
  auto& leader = at.cluster.node(lead);
  leader.give(node::PeerDialled{1});
  leader.give(
      node::PeerGreeted{1, {.accepted = true, .hello = copy, .reason = {}, .exceed_number = 0}});
  leader.give(node::LinkHello{kLink, copy});
  leader.give(node::LinkMessage{kLink, forward});
  at.cluster.run_for(std::chrono::milliseconds(20));
  leader.give(node::PeerLost{1});
  leader.give(node::LinkLost{kLink});
  const std::uint64_t before = at.cluster.status(lead).applied_index.value;

  at.cluster.kill(lead);  // so that it dials 2 anew
  at.cluster.start(lead);
  at.cluster.heal();
  at.cluster.run_for(std::chrono::seconds(10));
  REQUIRE_FALSE(at.cluster.node("2").running());
  CHECK(at.cluster.status(lead).applied_index.value < before + 10);
  at.cluster.start("2");  // the copy is gone: its journal settles, but it votes no more
  CHECK(at.cluster.set("2", "k", "v").valid);
  CHECK(at.cluster.status("2").state == "quarantined");
}

TEST_CASE("nobody is greeted before the number of this start is durable") {
  Connections at;
  at.cluster.partition({{"1"}, {"2"}, {"3"}});
  at.cluster.kill("1");
  at.hello_of.erase("1");
  at.cluster.node("1").slow_raft_log = std::chrono::seconds(2);
  at.cluster.start("1");
  at.cluster.run_for(std::chrono::milliseconds(10));
  at.cluster.node("1").give(node::PeerDialled{1});
  at.cluster.node("1").give(node::LinkHello{kLink, at.genuine()});
  at.cluster.node("1").give(node::LinkHello{kLink + 1, at.genuine()});
  at.cluster.node("1").give(node::LinkLost{kLink + 1});
  at.cluster.run_for(std::chrono::seconds(1));
  CHECK_FALSE(at.hello_of.contains("1"));
  CHECK_FALSE(at.answers.contains(kLink));
  at.cluster.run_for(std::chrono::seconds(2));
  CHECK(at.hello_of.contains("1"));
  CHECK(at.answers.contains(kLink));
  CHECK_FALSE(at.answers.contains(kLink + 1));
}

TEST_CASE("whose connection stands in the turn that learns of the start number is greeted once") {
  Connections at;
  at.cluster.partition({{"1"}, {"2"}, {"3"}});
  at.cluster.kill("1");
  at.hellos.clear();
  sim::Machine& node = at.cluster.node("1");
  node.slow_raft_log = std::chrono::seconds(2);
  at.cluster.start("1");
  at.cluster.run_for(std::chrono::milliseconds(10));
  node.pause();
  at.cluster.run_for(std::chrono::seconds(3));
  node.resume();  // what became durable meanwhile comes with the next turn
  node.give(node::PeerDialled{1});
  at.cluster.run_for(std::chrono::milliseconds(10));
  CHECK(at.hellos["1"] == 1);
}

TEST_CASE("a start number that was too low is raised above the one to exceed") {
  Connections at;
  const std::uint64_t before = at.hello_of.at("1").start_number;
  wire::HelloReply reply{.accepted = false, .hello = {}, .reason = "old", .exceed_number = 40};
  at.cluster.node("1").give(node::PeerGreeted{1, reply});
  at.cluster.run_for(std::chrono::milliseconds(1));
  at.cluster.node("1").give(node::PeerDialled{1});
  at.cluster.run_for(std::chrono::milliseconds(1));
  CHECK(before < 40);
  CHECK(at.hello_of.at("1").start_number == 41);
  CHECK(at.hello_of.at("1").barred);  // it is an old copy
  CHECK(at.cluster.status("1").state == "quarantined");
}

TEST_CASE("of two copies that run at once one ends, though no majority is there to tell") {
  Connections at;
  at.cluster.partition({{"1"}, {"2"}, {"3"}});
  at.cluster.run_for(std::chrono::milliseconds(100));
  sim::Machine& node = at.cluster.node("1");
  std::uint64_t number = at.hello_of.at("1").start_number;
  const auto refuse = [&] {  // since the other copy has exceeded this one
    node.give(node::PeerDialled{1});
    node.give(node::PeerGreeted{
        1, {.accepted = false, .hello = {}, .reason = "old", .exceed_number = ++number}});
    at.cluster.run_for(std::chrono::milliseconds(100));
  };
  for (int turns = 0; turns < 8; ++turns) {
    refuse();
    REQUIRE(node.running());
    node.give(node::PeerDialled{1});
    at.cluster.run_for(std::chrono::milliseconds(1));
    CHECK(at.hello_of.at("1").start_number == ++number);
  }
  refuse();
  CHECK_FALSE(node.running());
}
