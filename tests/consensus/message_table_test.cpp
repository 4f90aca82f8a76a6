// Every message in every role, in a lower, the same and a higher term: what becomes of role and
// term, and what is answered.
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

enum class As { follower, pre_candidate, candidate, leader, quarantined };

Solo in_role(As role) {
  if (role == As::quarantined) {
    Configuration other = all_bound();
    other.members[0].origin = {999};
    Solo solo(usual_past(other));
    solo.follow();
    return solo;
  }
  Solo solo;
  switch (role) {
    case As::follower: solo.follow(); break;
    case As::pre_candidate: solo.become_pre_candidate(); break;
    case As::candidate:
      solo.become_candidate();
      solo.sync();
      break;
    case As::leader: solo.become_leader(); break;
    case As::quarantined: break;
  }
  return solo;
}

// n2 leads where anybody but this node does; the other messages come from n3.
Peer sender_of(const Message& message) {
  const bool of_leader = std::holds_alternative<AppendEntries>(message) ||
                         std::holds_alternative<TimeoutNow>(message) ||
                         std::holds_alternative<ForwardReply>(message);
  return of_leader ? 1 : 2;
}

Message make(const std::string& kind, Term term, const Solo& solo) {
  const LogPosition last = solo.raft.log().last();
  if (kind == "PreVote" || kind == "RequestVote" || kind == "RequestVote by transfer") {
    return RequestVote{.term = term,
                       .last_log_index = last.index,
                       .last_log_term = last.term,
                       .cluster = kCluster,
                       .pre = kind == "PreVote",
                       .transfer = kind == "RequestVote by transfer"};
  }
  if (kind == "vote granted") return RequestVoteReply{.term = term, .granted = true, .wall = {}};
  if (kind == "vote refused") return RequestVoteReply{.term = term, .wall = {}};
  if (kind == "pre-vote granted") {
    return RequestVoteReply{.term = term.next(), .pre = true, .granted = true, .wall = {}};
  }
  if (kind == "pre-vote refused") return RequestVoteReply{.term = term, .pre = true, .wall = {}};
  if (kind == "AppendEntries") return solo.heartbeat(term);
  if (kind == "append accepted") {
    AppendEntriesReply reply = solo.acknowledgement(last.index);
    reply.term = term;
    return reply;
  }
  if (kind == "append refused") {
    return AppendEntriesReply{
        .term = term, .match_index = {}, .conflict_term = {}, .conflict_index = {2}, .wall = {}};
  }
  if (kind == "TimeoutNow") return TimeoutNow{term};
  if (kind == "Forward") {
    return Forward{.term = term,
                   .incarnation = {2000},
                   .first_counter = 1,
                   .lowest_open = 1,
                   .items = {{Blob::copy_of("p"), 0}}};
  }
  if (kind == "Withdraw") return Withdraw{term, {2000}, 1};
  if (kind == "ForwardReply")
    return ForwardReply{.term = term, .incarnation = {1001}, .next_counter = 1, .refused = {}};
  if (kind == "ReadIndexRequest") return ReadIndexRequest{term, 9};
  return ReadIndexReply{.term = term, .id = 9, .accepted = true, .index = last.index};
}

std::string describe(const Message& message) {
  struct Text {
    std::string operator()(const RequestVote& m) const { return m.pre ? "PreVote" : "RequestVote"; }
    std::string operator()(const RequestVoteReply& m) const {
      return std::string(m.pre ? "pre-vote " : "vote ") + (m.granted ? "yes" : "no");
    }
    std::string operator()(const AppendEntries&) const { return "append"; }
    std::string operator()(const AppendEntriesReply& m) const {
      return m.accepted ? "accepted" : "refused";
    }
    std::string operator()(const TimeoutNow&) const { return "TimeoutNow"; }
    std::string operator()(const Forward&) const { return "Forward"; }
    std::string operator()(const Withdraw&) const { return "Withdraw"; }
    std::string operator()(const ForwardReply& m) const {
      return "next " + std::to_string(m.next_counter);
    }
    std::string operator()(const ReadIndexRequest&) const { return "ReadIndex"; }
    std::string operator()(const ReadIndexReply& m) const {
      return m.accepted ? "index" : "no index";
    }
  };
  return std::visit(Text{}, message);
}

const char* name_of(Role role) {
  switch (role) {
    case Role::follower: return "follower";
    case Role::candidate: return "candidate";
    case Role::leader: return "leader";
    case Role::learner: return "learner";
  }
  return "";
}

const char* name_of(As role) {
  switch (role) {
    case As::follower: return "follower";
    case As::pre_candidate: return "pre-candidate";
    case As::candidate: return "candidate";
    case As::leader: return "leader";
    case As::quarantined: return "quarantined";
  }
  return "";
}

/// What the message changed: "[-> new role] [+terms]: what the sender gets", or "-" for nothing at
/// all.
std::string outcome(As role, const std::string& kind, int relation) {
  Solo solo = in_role(role);
  const Term before = solo.raft.term();
  const Role role_before = solo.raft.role();
  const Message message = make(kind, {before.value + static_cast<std::uint64_t>(relation)}, solo);
  const Peer from = sender_of(message);
  const Effects out = solo.receive(from, message);
  const Effects synced = solo.sync();
  std::string text;
  if (solo.raft.role() != role_before) text += std::string("-> ") + name_of(solo.raft.role()) + " ";
  if (solo.raft.term() != before)
    text += "+" + std::to_string(solo.raft.term().value - before.value) + " ";
  for (const Effects* effects : {&out, &synced}) {
    for (const Send& send : effects->messages) {
      if (send.to == from) text += ": " + describe(send.message);
    }
  }
  return text.empty() ? "-" : text;
}

constexpr As kRoles[] = {As::follower, As::pre_candidate, As::candidate, As::leader,
                         As::quarantined};

}  // namespace

TEST_CASE("every message in every role and term") {
  struct InTerm {
    const char* lower;
    const char* same;
    const char* higher;
  };
  struct Row {
    const char* kind;
    const char* why;
    InTerm want[5];  // follower of n2, pre-candidate, candidate, leader, quarantined follower of n2
  };
  const Row rows[] = {
      {"PreVote",
       "nobody's term or vote changes; who heard a leader lately protects it",
       {{": pre-vote no", ": pre-vote no", ": pre-vote no"},
        {": pre-vote no", ": pre-vote no", ": pre-vote yes"},
        {": pre-vote no", ": pre-vote no", ": pre-vote yes"},
        {": pre-vote no", ": pre-vote no", ": pre-vote no"},
        {": pre-vote no", ": pre-vote no", ": pre-vote no"}}},
      {"RequestVote",
       "one vote in a term, for a log not behind; a leader heard lately is protected, its term "
       "kept",
       {{": vote no", ": vote no", ": vote no"},
        {": vote no", "-> follower : vote yes", "-> follower +1 : vote yes"},
        {": vote no", ": vote no", "-> follower +1 : vote yes"},
        {": vote no", ": vote no", ": vote no"},
        {": vote no", ": vote no", ": vote no"}}},
      {"RequestVote by transfer",
       "the leader wants it: nothing is protected, not even its own office",
       {{": vote no", ": vote no", "+1 : vote yes"},
        {": vote no", "-> follower : vote yes", "-> follower +1 : vote yes"},
        {": vote no", ": vote no", "-> follower +1 : vote yes"},
        {": vote no", ": vote no", "-> follower +1 : vote yes"},
        {": vote no", ": vote no", "+1 : vote no"}}},
      {"vote granted",
       "counts in the very term it was asked for",
       {{"-", "-", "-"},
        {"-", "-", "-"},
        {"-", "-> leader : append", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"}}},
      {"vote refused",
       "a higher term ends this one; a leader with a majority asks for the term above (scenario 6)",
       {{"-", "-", "+1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> candidate +1 : PreVote"},
        {"-", "-", "+1 "}}},
      {"pre-vote granted",
       "names the term that was asked for: one above the own",
       {{"-", "-", "-"},
        {"-", "+1 : RequestVote", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"}}},
      {"pre-vote refused",
       "as a vote refused",
       {{"-", "-", "+1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> candidate +1 : PreVote"},
        {"-", "-", "+1 "}}},
      {"AppendEntries",
       "an older leader is told the term, a newer one followed; in one term there is one leader",
       {{": refused", ": accepted", "+1 : accepted"},
        {": refused", "-> follower : accepted", "-> follower +1 : accepted"},
        {": refused", "-> follower : accepted", "-> follower +1 : accepted"},
        {": refused", "-", "-> follower +1 : accepted"},
        {": refused", ": accepted", "+1 : accepted"}}},
      {"append accepted",
       "a leader counts what was said in its own term",
       {{"-", "-", "+1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> candidate +1 : PreVote"},
        {"-", "-", "+1 "}}},
      {"append refused",
       "a leader looks further back",
       {{"-", "-", "+1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> follower +1 "},
        {"-", "-", "-> candidate +1 : PreVote"},
        {"-", "-", "+1 "}}},
      {"TimeoutNow",
       "from the present leader only, to a follower in its term that may campaign",
       {{"-", "-> candidate +1 : RequestVote", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"}}},
      {"Forward",
       "appended in the very term it was sent in, or never",
       {{"-", "-", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"},
        {"-", ": next 2", "-"},
        {"-", "-", "-"}}},
      {"Withdraw",
       "decided in the very term it was sent in, or never",
       {{"-", "-", "-"},
        {"-", "-", "-"},
        {"-", "-", "-"},
        {"-", ": next 1", "-"},
        {"-", "-", "-"}}},
      {"ForwardReply",
       "changes nothing but the proposals it names (forwarding_test.cpp)",
       {{"-", "-", "-"}, {"-", "-", "-"}, {"-", "-", "-"}, {"-", "-", "-"}, {"-", "-", "-"}}},
      {"ReadIndexRequest",
       "the leader of that term answers after a round; all others at once that they cannot",
       {{": no index", ": no index", ": no index"},
        {": no index", ": no index", ": no index"},
        {": no index", ": no index", ": no index"},
        {": no index", "-", ": no index"},
        {": no index", ": no index", ": no index"}}},
      {"ReadIndexReply",
       "answers the reads that its id names (read_index_test.cpp)",
       {{"-", "-", "-"}, {"-", "-", "-"}, {"-", "-", "-"}, {"-", "-", "-"}, {"-", "-", "-"}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.kind);
    CAPTURE(row.why);
    for (std::size_t i = 0; i < std::size(kRoles); ++i) {
      CAPTURE(name_of(kRoles[i]));
      CHECK(outcome(kRoles[i], row.kind, -1) == row.want[i].lower);
      CHECK(outcome(kRoles[i], row.kind, 0) == row.want[i].same);
      CHECK(outcome(kRoles[i], row.kind, 1) == row.want[i].higher);
    }
  }
}

}  // namespace causeway::consensus::testing
