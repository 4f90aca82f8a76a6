// A cluster in which the test itself plays a node's other connections: strangers, copies, earlier
// starts.
//
// Messages of the cluster's own nodes go their usual way; what the watched node answers to the
// connections made up here (numbers from 9000 on) is written down.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

namespace causeway::testing {

class Connections {
 public:
  explicit Connections(std::uint64_t seed = 1) : cluster({.seed = seed}) {
    for (const std::string name : {"1", "2"}) {
      cluster.node(name).on_effects = [this, name](const node::Effects& out) {
        for (const node::PeerHello& hello : out.hellos) {
          if (hello.peer != (name == "1" ? 1 : 0)) continue;
          hello_of[name] = hello.hello;
          ++hellos[name];
        }
        if (name == "1") note(out);
      };
    }
    cluster.start_all();
    cluster.wait_for_leader();
    cluster.settle();
  }

  /// Node 2's own hello, as node 1 knows it.
  [[nodiscard]] wire::Hello genuine() const { return hello_of.at("2"); }

  /// Node 1 accepts a connection that says this, and answers.
  wire::HelloReply greet(std::uint64_t link, const wire::Hello& hello) {
    cluster.node("1").give(node::LinkHello{link, hello});
    REQUIRE(cluster.run_until([&] { return answers.contains(link); }));
    return answers.at(link);
  }
  void say(std::uint64_t link, consensus::Message message) {
    cluster.node("1").give(node::LinkMessage{link, std::move(message)});
    cluster.run_for(std::chrono::milliseconds(2));
  }
  /// Would raise the term of whoever hears it: shows whether a message was taken.
  static consensus::RequestVote loud(std::uint64_t term) {
    return {.term = {term}, .last_log_index = {}, .last_log_term = {}, .transfer = true};
  }
  std::uint64_t term() { return cluster.node("1").peek()->term.value; }

  VirtualCluster cluster;
  std::map<std::string, wire::Hello> hello_of;  ///< newest that nodes 1 and 2 said to each other
  std::map<std::string, int> hellos;            ///< how many those were
  std::map<std::uint64_t, wire::HelloReply> answers;  ///< of node 1, by link
  std::vector<std::uint64_t> dropped_links;
  std::vector<consensus::Peer> dropped_peers;

 private:
  void note(const node::Effects& out) {
    for (const node::LinkAnswer& answer : out.link_answers) answers[answer.link] = answer.reply;
    for (const node::DropLink& drop : out.drop_links) dropped_links.push_back(drop.link);
    for (const node::DropPeer& drop : out.drop_peers) dropped_peers.push_back(drop.peer);
  }
};

}  // namespace causeway::testing
