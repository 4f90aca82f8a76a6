#include "node/status.hpp"

#include <algorithm>

#include "node/answers.hpp"

namespace causeway::node {
namespace {

/// forming: not every name is bound to an origin yet (design 3.5).
std::string state_name(const consensus::Raft& raft) {
  if (raft.quarantined()) return "quarantined";
  const auto& members = raft.configuration().members;
  const bool bound =
      std::all_of(members.begin(), members.end(),
                  [](const consensus::Member& member) { return member.origin.value != 0; });
  return raft.formed() && bound ? "serving" : "forming";
}

/// A voter's name under which another directory speaks is served and not counted: a learner, until
/// the one that joined is back.
bool votes(const consensus::Raft& raft, const consensus::MemberStatus& member,
           consensus::Peer peer) {
  return member.member.role == consensus::MemberRole::voter && !raft.quarantined(peer);
}

}  // namespace

Status make_status(const Turn& turn, const VerdictCounts& verdicts) {
  const Core& core = turn.core;
  Status status;
  status.id = core.options.name;
  status.origin = core.options.origin;
  status.cluster = core.raft.configuration().cluster;
  status.role = role_name(core.raft);
  status.state = state_name(core.raft);
  status.term = core.raft.term();
  status.commit_index = core.raft.commit_index();
  status.applied_index = core.applied.index;
  status.log_time = core.applied.log_time;
  status.pending = core.journal.count();
  status.verdicts = verdicts;
  const auto members = core.raft.members(turn.now);
  const bool leads = core.raft.role() == consensus::Role::leader;
  for (consensus::Peer peer = 0; peer < members.size(); ++peer) {
    const consensus::MemberStatus& member = members[peer];
    const auto address = core.options.voters.find(member.member.name);
    MemberInfo info{
        .id = member.member.name,
        .address = address == core.options.voters.end() ? std::string() : address->second,
        .role = votes(core.raft, member, peer) ? "voter" : "learner",
        .reachable = member.reachable,
        .behind = {}};
    if (leads) info.behind = member.behind;
    status.members.push_back(std::move(info));
  }
  if (const auto leader = core.raft.leader()) status.leader = members.at(*leader).member.name;
  return status;
}

}  // namespace causeway::node
