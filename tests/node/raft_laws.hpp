// Safety of Raft as seen on the wire: one leader a term, one vote a term, and terms that never
// fall, over restarts and power losses too.
#pragma once

#include <map>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "consensus/message.hpp"

namespace causeway::testing {

class RaftLaws {
 public:
  /// A wiped directory has forgotten what it voted, and nobody counts it as the one before.
  void forget(const std::string& node) {
    std::erase_if(votes_, [&](const auto& vote) { return vote.first.first == node; });
    terms_.erase(node);
  }
  /// Each message as it leaves.
  void sent(const std::string& from, const std::string& to, const consensus::Message& message) {
    if (const auto* append = std::get_if<consensus::AppendEntries>(&message)) {
      const auto& leader = leaders_.emplace(append->term, from).first->second;
      INFO("two leaders in term ", append->term.value);
      CHECK(leader == from);
      seen(from, append->term);
    } else if (const auto* vote = std::get_if<consensus::RequestVoteReply>(&message)) {
      if (!vote->granted || vote->pre) return;
      const auto& candidate = votes_.emplace(std::pair(from, vote->term), to).first->second;
      INFO("node ", from, " votes twice in term ", vote->term.value);
      CHECK(candidate == to);
      seen(from, vote->term);
    } else if (const auto* request = std::get_if<consensus::RequestVote>(&message)) {
      if (request->pre) return;
      const auto& candidate = votes_.emplace(std::pair(from, request->term), from).first->second;
      INFO("node ", from, " asks for votes in a term in which it voted, ", request->term.value);
      CHECK(candidate == from);
      seen(from, request->term);
    } else if (const auto* reply = std::get_if<consensus::AppendEntriesReply>(&message)) {
      if (reply->accepted) seen(from, reply->term);
    }
  }

 private:
  void seen(const std::string& node, Term term) {
    Term& newest = terms_[node];
    INFO("the term of node ", node, " falls");
    CHECK(term >= newest);
    newest = std::max(newest, term);
  }

  std::map<Term, std::string> leaders_;
  std::map<std::pair<std::string, Term>, std::string> votes_;
  std::map<std::string, Term> terms_;
};

}  // namespace causeway::testing
