// What nodes say: who leads, who votes for whom, and what an acknowledgement rests on.
#include "sim/raft_checks.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
// Judged as they leave the node, whether or not there is a connection.
void RaftChecks::check(Peer from, Peer to, const consensus::Message& message) {
  if (const auto* append = std::get_if<consensus::AppendEntries>(&message)) {
    check(from, *append);
  } else if (const auto* ack = std::get_if<consensus::AppendEntriesReply>(&message)) {
    if (ack->accepted) check_ack(from, *ack);
  } else if (const auto* request = std::get_if<consensus::RequestVote>(&message)) {
    if (!request->pre) votes_for(from, request->term, from);
  } else if (const auto* vote = std::get_if<consensus::RequestVoteReply>(&message)) {
    if (vote->granted && !vote->pre) votes_for(from, vote->term, to);
  } else if (const auto* read = std::get_if<consensus::ReadIndexReply>(&message)) {
    if (read->accepted) check_read(from, *read);
  }
}

// Not for all messages: what promises nothing may overtake what waits for the disk.
void RaftChecks::speaks_in(Node& node, Term term) {
  if (term < node.spoken) {
    broken("terms-never-fall", node,
           "speaks in term " + text(term) + " after term " + text(node.spoken));
  }
  node.spoken = term;
}

void RaftChecks::check_term_durable(const Node& node, Term term, const char* what) const {
  if (node.disk.hard.term >= term) return;
  broken("vote-durable", node,
         std::string(what) + " in term " + text(term) + " while durable is term " +
             text(node.disk.hard.term));
}

void RaftChecks::votes_for(Peer peer, Term term, Peer candidate) {
  Node& node = nodes_[peer];
  const std::string& name = nodes_[candidate].name;
  speaks_in(node, term);
  const Peer voted = node.votes.emplace(term, candidate).first->second;
  if (voted != candidate) {
    broken("vote-once", node,
           "votes for node " + name + " in term " + text(term) + ", and has voted for node " +
               nodes_[voted].name);
  }
  check_term_durable(node, term, "votes");
  const consensus::HardState& hard = node.disk.hard;
  if (hard.term == term && hard.voted_for != name) {
    broken("vote-durable", node,
           "votes for node " + name + " in term " + text(term) + " while its disk has a vote for " +
               (hard.voted_for.empty() ? "nobody" : hard.voted_for));
  }
}

void RaftChecks::leads(Peer peer, Term term) {
  Node& node = nodes_[peer];
  if (node.led == term) return;
  const Leader& leader =
      leaders_.try_emplace(term, Leader{.peer = peer, .life = node.life}).first->second;
  if (leader.peer != peer) {
    broken("election-safety", node,
           "leads term " + text(term) + ", which node " + nodes_[leader.peer].name + " led");
  }
  if (leader.life != node.life)
    broken("election-safety", node, "leads term " + text(term) + " again after a restart");
  node.led = std::max(node.led, term);
}

void RaftChecks::check(Peer from, const consensus::AppendEntries& message) {
  Node& node = nodes_[from];
  speaks_in(node, message.term);
  check_term_durable(node, message.term, "leads");
  leads(from, message.term);
  const EntryRegistry::Known* before = entries_.find(message.prev_log_index, message.prev_log_term);
  if (before != nullptr && before->id.hash != message.prev_log_hash) {
    broken("log-matching", node,
           "has another past of entry " + text(message.prev_log_index) + " of term " +
               text(message.prev_log_term) + " than was seen before");
  }
  Term term_before = message.prev_log_term;
  for (const consensus::Entry& entry : message.entries) {
    meet(from, entry, term_before);
    term_before = entry.term;
  }
}

// A new leader does not know how far the one before it had committed, until an entry of its own is.
void RaftChecks::check_read(Peer from, const consensus::ReadIndexReply& reply) const {
  const auto found = leaders_.find(reply.term);
  const bool leads = found != leaders_.end() && found->second.peer == from &&
                     found->second.life == nodes_[from].life;
  const LogIndex opening = leads ? found->second.opening : LogIndex{};
  if (opening.value != 0 && reply.index >= opening) return;
  broken("read-index-covers", nodes_[from],
         "confirms a read at entry " + text(reply.index) + " in term " + text(reply.term) +
             (opening.value == 0 ? ", which it does not lead"
                                 : ", whose first entry is " + text(opening)));
}

void RaftChecks::check_ack(Peer from, const consensus::AppendEntriesReply& reply) {
  Node& node = nodes_[from];
  speaks_in(node, reply.term);
  check_term_durable(node, reply.term, "accepts entries");
  const LogIndex match = reply.match_index;
  if (match.value == 0) return;
  // It waited for its term to be durable, and with that came a later one, whose leader may have cut
  // what was true when it was said.
  if (reply.term < node.disk.hard.term) return;
  const EntryId held = node.disk.log.find(match);
  if (held.term.value == 0) {
    broken("ack-durable", node,
           "acknowledges entry " + text(match) + " in term " + text(reply.term) +
               " while its durable log ends at " + text(node.disk.log.last()));
  }
  // Entries of the leader's own term are the leader's; for older ones its log is known by what
  // stood before its first entry.
  if (held.term == reply.term) return;
  const bool committed = match <= committed_.last() && committed_.at(match).id == held;
  const auto leader = leaders_.find(reply.term);
  if (committed || leader == leaders_.end() || leader->second.opening.value == 0) return;
  const LogIndex opening = leader->second.opening;
  const bool behind = match < opening;
  const auto leaders = behind ? entries_.ancestor(opening.previous(), leader->second.before, match)
                              : std::optional<EntryId>{};
  if (behind && (!leaders || *leaders == held)) return;
  broken("ack-durable", node,
         "acknowledges entry " + text(match) + " in term " + text(reply.term) +
             ", but holds another one there (term " + text(held.term) + ") than the leader");
}

}  // namespace causeway::sim
