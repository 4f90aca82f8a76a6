// What is committed: who says so first, who must hold it, and what is applied.
#include "consensus/quorum.hpp"
#include "sim/raft_checks.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
// A leader says so in its messages, and each node in its mark.
void RaftChecks::claims(Peer peer, const node::Effects& effects) {
  Node& node = nodes_[peer];
  for (const node::PeerSend& send : effects.messages) {
    const auto* append = std::get_if<consensus::AppendEntries>(&send.message);
    if (append == nullptr || append->leader_commit == node.commit) continue;
    if (append->leader_commit < node.commit) {
      broken("commit-never-falls", node,
             "tells that entry " + text(append->leader_commit) + " is committed, after entry " +
                 text(node.commit));
    }
    node.commit = append->leader_commit;
    takes_for_committed(peer, append->term, node.commit);
  }
  if (!effects.mark) return;
  if (*effects.mark < node.mark) {
    broken("commit-never-falls", node,
           "sets its mark back from " + text(node.mark) + " to " + text(*effects.mark));
  }
  node.mark = *effects.mark;
  node.commit = std::max(node.commit, node.mark);
  takes_for_committed(peer, node.led, counted_by_mark(peer));
  if (node.disk.log.find(node.mark) != committed_.at(node.mark).id) {
    broken("mark-is-sure", node,
           "marks entry " + text(node.mark) +
               " as committed, but its own durable log holds another one there, or none");
  }
}

// A mark covers no more than its node's own disk, which may lag behind what others made committed:
// a leader's may end below its opening entry, with which all of that is committed.
LogIndex RaftChecks::counted_by_mark(Peer peer) const {
  const Node& node = nodes_[peer];
  const auto led = leaders_.find(node.led);
  const bool leads = led != leaders_.end() && led->second.peer == peer;
  if (!leads || node.mark <= committed_.last()) return node.mark;
  return std::max(node.mark, led->second.opening);
}

// News only from the leader that counted. Followers hear of it by its messages, which were seen.
void RaftChecks::takes_for_committed(Peer peer, Term led, LogIndex index) {
  if (index <= committed_.last()) return;
  const Node& node = nodes_[peer];
  const std::string entry = "entry " + text(index);
  const auto found = leaders_.find(led);
  if (found == leaders_.end() || found->second.peer != peer || found->second.opening.value == 0) {
    broken("commit-needs-majority", node,
           "takes " + entry + " for committed, which no leader has said");
  }
  const Leader& leader = found->second;
  const std::string in_term = " in term " + text(led);
  if (index < leader.opening) {
    broken(
        "commit-needs-majority", node,
        "counts copies of " + entry + in_term + ", whose first entry is " + text(leader.opening));
  }
  if (!majority_holds(leader, index, led)) {
    broken("commit-needs-majority", node,
           "takes " + entry + " for committed" + in_term +
               ", which no majority of the voters' disks holds");
  }
  // All before it is committed with it, and no other past may be.
  std::vector<Committed> news;
  Term term = led;
  for (LogIndex i = index; i > committed_.last(); i = i.previous()) {
    const EntryRegistry::Known* known = entries_.find(i, term);
    if (known == nullptr) broken("log-matching", node, "has an unknown entry " + text(i));
    news.push_back({known->id, led});
    term = known->before;
  }
  const LogIndex last = committed_.last();
  if (last.value != 0 && committed_.at(last).id.term != term) {
    broken("leader-completeness", node,
           "commits " + entry + in_term + " in a log without the committed entry " + text(last));
  }
  for (auto next = news.rbegin(); next != news.rend(); ++next)
    committed_.put(committed_.last().next(), *next);
  for (auto later = leaders_.upper_bound(led); later != leaders_.end(); ++later)
    check_complete(later->first, later->second, index);
}

bool RaftChecks::majority_holds(const Leader& leader, LogIndex index, Term term) const {
  std::size_t voters = 0;
  std::size_t copies = 0;
  const auto& members = leader.configuration.members;
  for (std::size_t i = 0; i < members.size() && i < nodes_.size(); ++i) {
    const consensus::Member& member = members[i];
    if (member.role != consensus::MemberRole::voter) continue;
    ++voters;
    const bool counts = member.origin != Origin{} && !member.barred;
    if (counts && holds(nodes_[i], member.origin, index, term)) ++copies;
  }
  return voters != 0 && copies >= consensus::majority_of(voters);
}

bool RaftChecks::holds(const Node& node, Origin origin, LogIndex index, Term term) const {
  if (node.origin == origin && node.disk.log.find(index).term == term) return true;
  return std::any_of(node.retired.begin(), node.retired.end(), [&](const Retired& retired) {
    return retired.origin == origin && retired.log.find(index).term == term;
  });
}

// The first entry of a term: its leader's log ends in front of it.
void RaftChecks::opened(Peer peer, const consensus::Entry& entry, Term before) {
  leads(peer, entry.term);
  Leader& leader = leaders_.at(entry.term);
  leader.opening = entry.index;
  leader.before = before;
  // Not what a later leader has committed: this one may have been elected late.
  LogIndex committed = committed_.last();
  while (committed.value != 0 && committed_.at(committed).by >= entry.term)
    committed = committed.previous();
  if (committed.value != 0) check_complete(entry.term, leader, committed);
}

void RaftChecks::check_complete(Term term, const Leader& leader, LogIndex index) const {
  if (leader.opening.value == 0) return;
  const EntryId committed = committed_.at(index).id;
  const LogIndex end = leader.opening.previous();
  // Where its log meets the committed one, they are equal below.
  const LogIndex both = std::min(end, committed_.last());
  if (index <= both) {
    const auto held = entries_.ancestor(end, leader.before, both);
    if (!held || *held == committed_.at(both).id) return;
    if (const auto there = entries_.ancestor(both, held->term, index);
        !there || *there == committed)
      return;
  }
  broken("leader-completeness", nodes_[leader.peer],
         "leads term " + text(term) + " without entry " + text(index) + " of term " +
             text(committed.term) + ", which was committed in term " +
             text(committed_.at(index).by));
}

// ---- what is applied

void RaftChecks::applying(Peer peer, const kv::Apply& apply) {
  Node& node = nodes_[peer];
  for (const kv::LogEntry& entry : apply.entries) {
    const auto what = [&] { return "applies entry " + text(entry.index); };
    const bool follows = entry.index == node.applied.next();
    const bool goes_back = !node.has_applied && entry.index <= node.applied;
    if (!follows && !goes_back)
      broken("state-machine-safety", node, what() + " behind entry " + text(node.applied));
    if (entry.index > node.mark)
      broken("mark-first", node, what() + ", and its commit mark stands at " + text(node.mark));
    takes_for_committed(peer, node.led, entry.index);
    const EntryId id{entry.term, entry.hash};
    const EntryId& committed = committed_.at(entry.index).id;
    if (id != committed) {
      broken("state-machine-safety", node,
             what() + " of term " + text(entry.term) + "; committed is another one, of term " +
                 text(committed.term));
    }
    if (node.disk.log.find(entry.index) != id)
      broken("applied-durable", node, what() + ", which its own log does not hold durably");
    node.applied = entry.index;
    node.has_applied = true;
  }
}

void RaftChecks::applied(Peer peer, const kv::Applied& applied) {
  const kv::AppliedPosition& position = applied.position;
  if (position.index.value == 0) return;
  const bool known = position.index <= committed_.last();
  if (known && committed_.at(position.index).id == EntryId{position.term, position.hash}) return;
  broken("state-machine-safety", nodes_[peer],
         "says that it has applied an entry " + text(position.index) + " of term " +
             text(position.term) + " that was not committed");
}

}  // namespace causeway::sim
