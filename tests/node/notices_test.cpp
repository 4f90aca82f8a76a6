// What a node logs about its cluster: each change once, and nothing while nothing changes.
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::VirtualCluster;
using std::chrono::minutes;
using std::chrono::seconds;
using Level = node::LogLine::Level;
using Name = VirtualCluster::Name;

namespace {

/// A cluster that has come to rest, and what its nodes have logged.
struct Logged {
  VirtualCluster cluster;
  std::map<Name, std::vector<node::LogLine>> lines;

  Logged() : cluster({.seed = 1}) {
    cluster.on_log = [this](const Name& name, const node::LogLine& line) {
      lines[name].push_back(line);
    };
    cluster.start_all();
    cluster.wait_for_leader();
    cluster.settle();
  }

  [[nodiscard]] std::size_t count(const Name& name, Level level, const std::string& part) {
    std::size_t found = 0;
    for (const node::LogLine& line : lines[name]) {
      found += line.level == level && line.text.find(part) != std::string::npos;
    }
    return found;
  }
  [[nodiscard]] std::string term() {
    return " in term " + std::to_string(cluster.status(*cluster.leader()).term.value);
  }
};

}  // namespace

TEST_CASE("who leads and who follows is logged, once, and nothing while the cluster rests") {
  Logged at;
  const Name leader = *at.cluster.leader();
  for (const Name& name : at.cluster.names()) {
    CAPTURE(name);
    const bool leads = name == leader;
    CHECK(at.count(name, Level::info, "became leader" + at.term()) == (leads ? 1 : 0));
    CHECK(at.count(name, Level::info, "follows " + leader + at.term()) == (leads ? 0 : 1));
  }

  at.lines.clear();
  at.cluster.run_for(minutes(10));
  for (const Name& name : at.cluster.names()) CHECK(at.lines[name].empty());

  // Alone: once, however long it looks for another.
  for (const Name& name : at.cluster.names()) {
    if (name != leader) at.cluster.kill(name);
  }
  at.cluster.run_for(minutes(10));
  CHECK(at.count(leader, Level::info, "knows no leader any more") == 1);
  CHECK(at.lines[leader].size() == 1);
}

TEST_CASE("a leader that stops says nothing of the leader that it loses by that") {
  Logged at;
  const Name leader = *at.cluster.leader();
  at.lines.clear();
  at.cluster.stop(leader);
  CHECK(at.lines[leader].empty());
  at.cluster.run_for(seconds(10));
  CHECK(at.count(*at.cluster.leader(), Level::info, "became leader") == 1);
}

TEST_CASE("the leader warns of a member that it serves and does not count; status says learner") {
  Logged at;
  const Name leader = *at.cluster.leader();
  const Name wiped = leader == "3" ? "2" : "3";
  const auto role_of_wiped = [&](const Name& asked) {
    for (const MemberInfo& member : at.cluster.status(asked).members) {
      if (member.id == wiped) return member.role;
    }
    return std::string("no such member");
  };
  CHECK(role_of_wiped(leader) == "voter");
  at.cluster.kill(wiped);
  const testing::DataDirectory genuine = at.cluster.node(wiped).directory();
  at.cluster.node(wiped).wipe();
  at.cluster.start(wiped);
  REQUIRE(at.cluster.run_until([&] { return at.cluster.status(wiped).state == "quarantined"; }));
  at.cluster.run_for(minutes(10));

  const std::string warning = wiped + " is served, but not counted";
  for (const Name& name : at.cluster.names()) {
    CHECK(at.count(name, Level::warn, warning) == (name == leader ? 1 : 0));
    CHECK(role_of_wiped(name) == "learner");
  }
  CHECK(at.count(wiped, Level::warn, "quarantined") == 1);

  INFO("the directory that joined is back, and counted");
  at.cluster.kill(wiped);
  at.cluster.node(wiped).restore(genuine);
  at.cluster.start(wiped);
  at.cluster.run_for(seconds(10));
  CHECK(at.cluster.status(wiped).state == "serving");
  for (const Name& name : at.cluster.names()) CHECK(role_of_wiped(name) == "voter");
}
