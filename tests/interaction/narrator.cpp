#include "interaction/narrator.hpp"

#include <cstdio>

#include <doctest/doctest.h>

#include "wire/log_record.hpp"

namespace causeway::testing {
namespace {

// A node that applies an entry this long after the first one is told of: it was away.
constexpr Duration kLate = std::chrono::milliseconds(300);

Blob body_of(const storage::LogRecord& record) {
  return Blob::copy_of(std::string(record.head_view()) + std::string(record.body.view()));
}

std::string range(LogIndex first, LogIndex last) {
  const std::string from = std::to_string(first.value);
  return first == last ? from : from + ".." + std::to_string(last.value);
}

}  // namespace

Narrator::Narrator(VirtualCluster& cluster) : cluster_(cluster), ledger_(words_) {
  for (const std::string& name : cluster.names()) {
    Machine& node = cluster.node(name);
    words_.origin(node.directory().origin, name);
    node.on_effects = [this, name](const node::Effects& out) { effects(name, out); };
    node.on_applied = [this, name](const kv::Applied& news) { applied(name, news); };
  }
}

void Narrator::say(const std::string& node, const std::string& text) {
  char at[32];
  std::snprintf(at, sizeof at, "@%.3fs ", cluster_.seconds());
  lines_.push_back(node + at + text);
  ++said_;
}

std::vector<std::string> Narrator::take_lines() { return std::exchange(lines_, {}); }

void Narrator::begins(const std::string& node) {
  words_.origin(cluster_.node(node).directory().origin, node);
  Seen& seen = seen_[node];
  seen = Seen{.log = std::move(seen.log),
              .ever_applied = seen.ever_applied,
              .journalled = seen.journalled,
              .forgotten = seen.forgotten};
}

void Narrator::effects(const std::string& node, const node::Effects& out) {
  look(node);
  for (const node::LogLine& line : out.log) {
    if (line.level < node::LogLine::Level::warn || seen_[node].warned == line.text) continue;
    say(node, "warns: " + line.text);
    seen_[node].warned = line.text;
  }
  for (const storage::LogInput& input : out.raft_log) {
    if (const auto* append = std::get_if<storage::Append>(&input)) raft_log(node, *append);
    if (const auto* fetch = std::get_if<storage::Fetch>(&input))
      say(node, "reads its log back from " + std::to_string(fetch->key) + " on");
  }
  for (const storage::LogInput& input : out.journal) {
    if (const auto* append = std::get_if<storage::Append>(&input)) journal(node, *append);
    if (const auto* drop = std::get_if<storage::DropSegment>(&input))
      say(node, "drops journal segment " + std::to_string(drop->number));
  }
  for (const kv::Input& input : out.applier) applier(node, input);
  for (const node::PeerSend& send : out.messages) message(node, send);
  if (out.new_origin) {
    words_.origin(*out.new_origin, node);
    say(node,
        "takes a new origin, " + words_.name(*out.new_origin) + ", and ends, to start with it");
    seen_[node].journalled = {};
  }
  if (out.ready) say(node, "is ready");
  if (out.failed) say(node, "ends: " + std::string(name_of(out.failed->code)));
}

void Narrator::look(const std::string& node) {
  const auto status = cluster_.node(node).peek();
  if (!status) return;
  Seen& seen = seen_[node];
  const std::string term = " in term " + std::to_string(status->term.value);
  if (status->role != seen.role || (status->role == "leader" && status->term != seen.term)) {
    if (seen.role == "leader") say(node, "leads no more");
    if (status->role == "leader") say(node, "leads" + term);
  }
  if (status->leader != seen.leader || (!seen.leader.empty() && status->term != seen.term)) {
    if (status->role != "leader" && !status->leader.empty())
      say(node, "follows " + status->leader + term);
  }
  if (status->state != seen.state && status->state == "quarantined") say(node, "is quarantined");
  seen.role = status->role;
  if (!status->leader.empty()) seen.leader = status->leader;
  seen.state = status->state;
  seen.term = status->term;
}

void Narrator::raft_log(const std::string& node, const storage::Append& append) {
  Seen& seen = seen_[node];
  for (const storage::LogRecord& record : append.records) {
    const auto decoded = wire::decode_raft_record(record.type, body_of(record));
    REQUIRE(decoded);
    const auto* entry = std::get_if<consensus::Entry>(&decoded.value());
    if (entry == nullptr) continue;
    const auto known = seen.log.find(entry->index);
    if (known != seen.log.end() && known->second == entry->term) continue;
    if (known != seen.log.end()) {
      say(node, "cuts its log: " + range(entry->index, seen.log.rbegin()->first) + " go");
      seen.log.erase(known, seen.log.end());
    }
    seen.log[entry->index] = entry->term;
    if (seen.role != "leader" || entry->term != seen.term) continue;
    const bool command = entry->kind == consensus::EntryKind::command;
    say(node, "appends " + std::to_string(entry->index.value) + ": " +
                  (command ? words_.command(entry->payload) : "configuration"));
  }
}

void Narrator::journal(const std::string& node, const storage::Append& append) {
  Seen& seen = seen_[node];
  for (const storage::LogRecord& record : append.records) {
    const auto decoded = wire::decode_journal_record(record.type, body_of(record));
    REQUIRE(decoded);
    const auto* write = std::get_if<crdt::OfflineWrite>(&decoded.value());
    if (write == nullptr) continue;
    words_.origin(write->dot.origin, node);
    const bool again = write->dot.sequence <= seen.journalled;
    std::string text = (again ? "rewrites " : "journals ") + words_.write(*write);
    if (write->replaces.value != 0)
      text += " in place of " + words_.dot({write->dot.origin, write->replaces});
    if (write->old_dot.sequence.value != 0) text += ", which was " + words_.dot(write->old_dot);
    say(node, text);
    seen.journalled = std::max(seen.journalled, write->dot.sequence);
  }
}

void Narrator::applier(const std::string& node, const kv::Input& input) {
  Seen& seen = seen_[node];
  if (const auto* apply = std::get_if<kv::Apply>(&input)) {
    if (!std::exchange(seen.applied_known, true))
      seen.applied = apply->entries.front().index.previous();
    for (const kv::LogEntry& entry : apply->entries) committed_.emplace(entry.index, entry);
  } else if (const auto* free = std::get_if<kv::FreePending>(&input)) {
    if (free->through <= seen.forgotten) return;
    const Origin origin = cluster_.node(node).directory().origin;
    const std::string first = words_.dot({origin, seen.forgotten.next()});
    const std::string last = words_.dot({origin, free->through});
    say(node, "journal forgets " + (first == last ? first : first + ".." + last));
    seen.forgotten = free->through;
  }
}

void Narrator::message(const std::string& node, const node::PeerSend& send) {
  Seen& seen = seen_[node];
  const std::string to = cluster_.names().at(send.peer);
  const auto first_time = [](auto& highest, auto now) {
    return now > highest && (highest = now, true);
  };
  if (const auto* vote = std::get_if<consensus::RequestVote>(&send.message)) {
    const std::string term = " in term " + std::to_string(vote->term.value);
    if (vote->pre && first_time(seen.asked_pre_votes, vote->term))
      say(node, "asks whether it would be elected" + term);
    if (!vote->pre && first_time(seen.asked_votes, vote->term)) say(node, "asks for votes" + term);
  } else if (const auto* items = std::get_if<consensus::Forward>(&send.message)) {
    forward(node, to, *items);
  } else if (const auto* withdraw = std::get_if<consensus::Withdraw>(&send.message)) {
    if (seen.withdrawn.emplace(withdraw->term, withdraw->counter).second)
      say(node, "asks " + to + " to refuse write " + std::to_string(withdraw->counter));
  } else if (const auto* read = std::get_if<consensus::ReadIndexRequest>(&send.message)) {
    if (first_time(seen.read, read->id)) say(node, "asks " + to + " for a read index");
  } else if (const auto* reply = std::get_if<consensus::ForwardReply>(&send.message)) {
    for (const std::uint64_t counter : reply->refused)
      say(node, "refuses write " + std::to_string(counter) + " of " + to + " for good");
  } else if (std::holds_alternative<consensus::TimeoutNow>(send.message)) {
    say(node, "hands its office to " + to);
  }
}

void Narrator::forward(const std::string& node, const std::string& to,
                       const consensus::Forward& forward) {
  std::uint64_t& told = seen_[node].forwarded[forward.term];
  for (std::size_t i = 0; i < forward.items.size(); ++i) {
    const std::uint64_t counter = forward.first_counter + i;
    const bool again = counter <= told;
    say(node, "sends " + to + (again ? " again" : "") + " write " + std::to_string(counter) +
                  " of term " + std::to_string(forward.term.value) + ": " +
                  words_.command(forward.items[i].payload));
    told = std::max(told, counter);
  }
}

void Narrator::applied(const std::string& node, const kv::Applied& news) {
  Seen& seen = seen_[node];
  const LogIndex from = seen.applied.next();
  const LogIndex through = std::exchange(seen.applied, news.position.index);
  const LogIndex again = std::min(seen.ever_applied, news.position.index);
  seen.ever_applied = std::max(seen.ever_applied, news.position.index);
  if (again > through) say(node, "applies " + range(from, again) + " again");
  LogIndex late;
  for (LogIndex index = std::max(from, again.next()); index <= news.position.index;
       index = index.next()) {
    const auto [told, first] = told_.emplace(index, cluster_.time().now());
    if (first) {
      say(node, "applies " + ledger_.apply(committed_.at(index)));
    } else if (cluster_.time().now() - told->second > kLate && late.value == 0) {
      late = index;
    }
  }
  if (late.value != 0) say(node, "catches up: " + range(late, news.position.index));
}

}  // namespace causeway::testing
