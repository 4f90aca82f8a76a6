// The pictures of the nodes' logs: as handed out, as durable, as found by a start.
#include "sim/raft_checks.hpp"

#include "sim/log_records.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

std::string words(const consensus::HardState& hard) {
  return "term " + std::to_string(hard.term.value) + " with a vote for " +
         (hard.voted_for.empty() ? "nobody" : hard.voted_for) + ", start " +
         std::to_string(hard.start) + (hard.barred == Origin{} ? "" : ", barred");
}

bool is_another_vote(const consensus::HardState& before, const consensus::HardState& now) {
  if (now.term != before.term || before.voted_for.empty()) return false;
  return now.voted_for != before.voted_for || now.voted_origin != before.voted_origin;
}

// The number of a start only rises, and nothing lifts the bar of an origin.
bool forgets_start(const consensus::HardState& before, const consensus::HardState& now,
                   Origin origin) {
  return now.start < before.start || (before.barred == origin && now.barred != origin);
}

EntryId id_of(const consensus::Entry& entry) { return {entry.term, entry.hash}; }

}  // namespace

RaftChecks::RaftChecks(Cluster& cluster) {
  for (const Cluster::Name& name : cluster.names()) {
    Node& node = nodes_.emplace_back();
    node.machine = &cluster.node(name);
    node.name = name;
    node.origin = node.machine->directory().origin;
  }
}

void RaftChecks::broken(const char* invariant, const Node& node, const std::string& what) {
  throw Violation(invariant, "node " + node.name + " " + what);
}

// ---- lives and directories

void RaftChecks::starting(Peer peer) {
  Node& node = nodes_[peer];
  if (node.machine->directory().origin != node.origin) died(peer, Death::wipe);
  node.found = {};
  node.found_gap = false;
}

void RaftChecks::recovered(Peer peer, const wire::RaftRecord& record) {
  Node& node = nodes_[peer];
  if (const auto* hard = std::get_if<consensus::HardState>(&record)) node.found.hard = *hard;
  if (const auto* mark = std::get_if<wire::CommitMark>(&record))
    node.found.mark = std::max(node.found.mark, mark->index);
  const auto* entry = std::get_if<consensus::Entry>(&record);
  if (entry == nullptr || node.found_gap) return;
  // A log that cannot be is the node's to refuse; only if it starts is there something to judge.
  node.found_gap = entry->index.value == 0 || entry->index > node.found.log.last().next();
  if (!node.found_gap) node.found.log.put(entry->index, id_of(*entry));
}

void RaftChecks::started(Peer peer) {
  Node& node = nodes_[peer];
  if (node.found_gap) broken("acknowledged-kept", node, "starts on a log with a gap");
  check_written(node);
  if (!node.old_copy) check_kept(node);
  node.old_copy = false;
  node.disk = std::move(node.found);
  node.given.clear();
  ++node.life;
  node.log = node.disk.log;
  node.term = node.disk.hard.term;
  node.led = {};
  node.commit = {};
  node.mark = std::max(node.disk.mark, node.machine->directory().mark);
  node.has_applied = false;
  node.refused.clear();
  node.refused_ticket = 0;
  node.may_lag = false;
}

void RaftChecks::died(Peer peer, Death death) {
  if (death == Death::kill || death == Death::power) return;
  Node& node = nodes_[peer];
  retire(node);
  node.votes.clear();
  node.spoken = {};
  node.old_copy = death == Death::old_copy;
  node.put_back = node.old_copy;
  if (node.old_copy) return;
  node.origin = node.machine->directory().origin;
  node.disk = {};
  node.given.clear();
  node.applied = {};
}

void RaftChecks::retire(Node& node) { node.retired.push_back({node.origin, node.disk.log}); }

void RaftChecks::check_written(const Node& node) const {
  const LogPicture& found = node.found.log;
  for (LogIndex i = found.first_difference(node.disk.log); i <= found.last(); i = i.next()) {
    const EntryRegistry::Known* known = entries_.find(i, found.at(i).term);
    if (known == nullptr || known->id != found.at(i)) {
      broken("log-matching", node,
             "finds an entry " + text(i) + " of term " + text(found.at(i).term) +
                 " in its log that nobody wrote");
    }
  }
}

void RaftChecks::check_kept(const Node& node) const {
  const LogPicture& had = node.disk.log;
  const LogPicture& found = node.found.log;
  const LogIndex lost = had.first_difference(found);
  if (lost <= had.last()) {
    const bool committed = lost <= committed_.last() && committed_.at(lost).id == had.at(lost);
    bool replaced = false;
    for (const Given& append : node.given) {
      for (const wire::RaftRecord& record : append.records) {
        const auto* entry = std::get_if<consensus::Entry>(&record);
        replaced = replaced || (entry != nullptr && entry->index <= lost);
      }
    }
    if (committed || !replaced) {
      broken("acknowledged-kept", node,
             "starts without entry " + text(lost) + " of term " + text(had.at(lost).term) +
                 ", which was durable" + (committed ? " and committed" : ""));
    }
  }
  const consensus::HardState& before = node.disk.hard;
  const consensus::HardState& now = node.found.hard;
  if (now.term < before.term || is_another_vote(before, now) ||
      forgets_start(before, now, node.origin)) {
    broken("acknowledged-kept", node, "starts in " + words(now) + "; durable was " + words(before));
  }
}

// ---- what a turn hands out

void RaftChecks::turn(Peer peer, const node::Effects& effects) {
  if (effects.failed) return;  // nothing of it is done
  // First what it took for committed: that was by the configuration before this turn's.
  claims(peer, effects);
  for (const storage::LogInput& input : effects.raft_log) {
    if (const auto* append = std::get_if<storage::Append>(&input)) handed_out(peer, *append);
  }
  for (const node::PeerSend& send : effects.messages) check(peer, send.peer, send.message);
  if (effects.new_origin) {
    retire(nodes_[peer]);
    nodes_[peer].origin = *effects.new_origin;
  }
}

void RaftChecks::handed_out(Peer peer, const storage::Append& append) {
  Node& node = nodes_[peer];
  for (const storage::LogRecord& each : append.records) {
    const wire::RaftRecord record = decode_raft(each);
    if (const auto* hard = std::get_if<consensus::HardState>(&record))
      node.term = std::max(node.term, hard->term);
    if (const auto* entry = std::get_if<consensus::Entry>(&record)) handed_out(peer, *entry);
  }
}

void RaftChecks::handed_out(Peer peer, const consensus::Entry& entry) {
  Node& node = nodes_[peer];
  if (!node.refused.empty()) {
    const auto again = node.refused.find({entry.index, entry.term});
    if (again != node.refused.end()) {
      node.refused.erase(again);
      return;
    }
  }
  const LogIndex last = node.log.last();
  if (entry.index.value == 0 || entry.index > last.next()) {
    broken("log-matching", node,
           "writes entry " + text(entry.index) + " behind entry " + text(last));
  }
  // What waited behind a full disk while the term began is handed out late.
  const bool leads = node.led.value != 0 && node.term <= node.led;
  if (leads && entry.index <= last && (entry.term == node.led || !node.may_lag)) {
    broken("leader-append-only", node,
           "replaces entry " + text(entry.index) + " while it leads term " + text(node.led));
  }
  meet(peer, entry, node.log.find(entry.index.previous()).term);
  node.log.put(entry.index, id_of(entry));
}

// `before`: the term of the entry in front of it.
void RaftChecks::meet(Peer by, const consensus::Entry& entry, Term before) {
  if (const EntryRegistry::Known* known = entries_.find(entry.index, entry.term)) {
    if (known->id.hash == entry.hash && known->before == before) return;
    broken("log-matching", nodes_[by],
           "has another entry " + text(entry.index) + " of term " + text(entry.term) +
               ", or another one before it, than was seen before");
  }
  const EntryRegistry::Known* front = entries_.find(entry.index.previous(), before);
  const bool chained = front != nullptr || entry.index.value == 1;
  const std::uint64_t past = front == nullptr ? 0 : front->id.hash;
  if (before > entry.term || (chained && consensus::running_hash(past, entry) != entry.hash)) {
    broken("log-matching", nodes_[by],
           "has an entry " + text(entry.index) + " of term " + text(entry.term) +
               " that does not continue the one of term " + text(before) + " before it");
  }
  entries_.add(entry.index, {.id = id_of(entry), .before = before});
  if (before < entry.term) opened(by, entry, before);
  if (entry.kind != consensus::EntryKind::configuration) return;
  const auto leader = leaders_.find(entry.term);
  auto configuration = consensus::Configuration::decode(entry.payload.view());
  if (configuration && leader != leaders_.end())
    leader->second.configuration = std::move(configuration).value();
}

// ---- what the disk has

void RaftChecks::raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs) {
  for (const storage::LogInput& input : inputs) {
    const auto* append = std::get_if<storage::Append>(&input);
    if (append == nullptr) continue;
    Node& node = nodes_[peer];
    Given& given = node.given.emplace_back();
    given.ticket = append->ticket;
    if (append->ticket == node.refused_ticket) node.refused_ticket = 0;
    given.too_early = node.refused_ticket != 0;
    given.records.reserve(append->records.size());
    for (const storage::LogRecord& record : append->records)
      given.records.push_back(decode_raft(record));
  }
}

void RaftChecks::raft_log_done(Peer peer, const storage::LogEffects& effects) {
  Node& node = nodes_[peer];
  for (const storage::LogEffect& effect : effects) {
    if (const auto* durable = std::get_if<storage::Durable>(&effect)) {
      while (!node.given.empty() && node.given.front().ticket <= durable->ticket) {
        if (node.given.front().too_early) {
          broken("refused-first", node,
                 "writes append " + std::to_string(node.given.front().ticket) +
                     " behind one that its disk refused");
        }
        for (const wire::RaftRecord& record : node.given.front().records) now_durable(node, record);
        node.given.pop_front();
      }
    }
    if (const auto* what = std::get_if<storage::Refused>(&effect)) refused(node, *what);
  }
}

void RaftChecks::now_durable(Node& node, const wire::RaftRecord& record) {
  if (const auto* entry = std::get_if<consensus::Entry>(&record)) {
    if (entry->index > node.disk.log.last().next())
      broken("log-matching", node, "writes entry " + text(entry->index) + " behind a gap");
    node.disk.log.put(entry->index, id_of(*entry));
  } else if (const auto* hard = std::get_if<consensus::HardState>(&record)) {
    const consensus::HardState before = std::exchange(node.disk.hard, *hard);
    if (hard->term < before.term)
      broken("terms-never-fall", node, "writes " + words(*hard) + " behind " + words(before));
    if (is_another_vote(before, *hard))
      broken("vote-once", node, "writes " + words(*hard) + " behind " + words(before));
    if (forgets_start(before, *hard, node.origin))
      broken("start-kept", node, "writes " + words(*hard) + " behind " + words(before));
    if (hard->barred == node.origin && !node.put_back)
      broken("honest-counts", node, "bars itself, and never was an old copy: " + words(*hard));
  }
}

// Refused appends are in no log until they are given again, perhaps under other tickets.
void RaftChecks::refused(Node& node, const storage::Refused& refused) {
  if (refused.first_ticket == 0) return;  // no append
  node.may_lag = true;
  if (node.refused_ticket == 0) node.refused_ticket = refused.first_ticket;
  while (!node.given.empty() && node.given.back().ticket >= refused.first_ticket) {
    for (const wire::RaftRecord& record : node.given.back().records) {
      if (const auto* entry = std::get_if<consensus::Entry>(&record))
        node.refused.emplace(entry->index, entry->term);
    }
    node.given.pop_back();
  }
}

}  // namespace causeway::sim
