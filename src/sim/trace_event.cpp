#include "sim/trace_event.hpp"

#include <array>
#include <cstdio>
#include <string_view>
#include <variant>

#include "base/hash.hpp"
#include "crdt/version.hpp"
#include "kv/applier.hpp"
#include "sim/observer.hpp"
#include "sim/words.hpp"
#include "wire/log_record.hpp"

namespace causeway::sim {
namespace {

using Numbers = std::array<std::uint64_t, TraceValues::kNumbers>;

struct NumbersOf {
  Numbers operator()(const consensus::RequestVote& m) const {
    return {m.term.value, m.last_log_index.value, m.last_log_term.value, m.pre, m.transfer,
            m.cluster};
  }
  Numbers operator()(const consensus::RequestVoteReply& m) const {
    return {m.term.value, m.pre, m.granted, m.wall.ms};
  }
  Numbers operator()(const consensus::AppendEntries& m) const {
    // The running hash of the last entry stands for the payloads.
    const bool some = !m.entries.empty();
    return {m.term.value,
            m.prev_log_index.value,
            m.prev_log_term.value,
            some ? m.entries.front().index.value : 0,
            some ? m.entries.back().index.value : 0,
            m.leader_commit.value,
            m.round,
            m.log_time_now.value ^ m.reachable,
            some ? m.entries.back().hash : m.prev_log_hash};
  }
  Numbers operator()(const consensus::AppendEntriesReply& m) const {
    return {m.term.value,
            m.accepted,
            m.match_index.value,
            m.conflict_term.value,
            m.conflict_index.value,
            m.round,
            m.wall.ms};
  }
  Numbers operator()(const consensus::TimeoutNow& m) const { return {m.term.value}; }
  Numbers operator()(const consensus::Forward& m) const {
    std::uint64_t payloads = 0;
    for (const auto& item : m.items)
      payloads = hash64(item.payload.view(), payloads + item.budget_ms);
    return {m.term.value,  m.first_counter,     m.items.size(),
            m.lowest_open, m.incarnation.value, payloads};
  }
  Numbers operator()(const consensus::Withdraw& m) const {
    return {m.term.value, m.counter, m.incarnation.value};
  }
  Numbers operator()(const consensus::ForwardReply& m) const {
    const bool some = !m.refused.empty();
    return {m.term.value,
            m.next_counter,
            m.refused.size(),
            some ? m.refused.front() : 0,
            some ? m.refused.back() : 0,
            m.exhausted,
            m.incarnation.value};
  }
  Numbers operator()(const consensus::ReadIndexRequest& m) const { return {m.term.value, m.id}; }
  Numbers operator()(const consensus::ReadIndexReply& m) const {
    return {m.term.value, m.id, m.accepted, m.index.value};
  }
};

std::string text(std::uint64_t number) { return std::to_string(number); }
std::string at(std::uint64_t index, std::uint64_t term) { return text(index) + "@" + text(term); }
std::string range(std::uint64_t first, std::uint64_t last) {
  return first == last ? text(first) : text(first) + ".." + text(last);
}

constexpr std::string_view kMessages[] = {
    "RequestVote", "RequestVoteReply", "AppendEntries", "AppendEntriesReply", "TimeoutNow",
    "Forward",     "Withdraw",         "ForwardReply",  "ReadIndexRequest",   "ReadIndexReply"};
static_assert(std::size(kMessages) == std::variant_size_v<consensus::Message>);

std::string message_text(std::size_t kind, const Numbers& n, const Blob& payload,
                         const OriginNames& names) {
  std::string out(kMessages[kind]);
  out += " term " + text(n[0]);
  switch (kind) {
    case 0:
      out += " last " + at(n[1], n[2]);
      if (n[3] != 0) out.replace(0, kMessages[0].size(), "PreVote");
      return n[4] != 0 ? out + " handed over" : out;
    case 1:
      if (n[1] != 0) out.replace(0, kMessages[1].size(), "PreVoteReply");
      return out + (n[2] != 0 ? " granted" : " refused");
    case 2:
      out += " prev " + at(n[1], n[2]);
      if (n[3] != 0) out += " entries " + range(n[3], n[4]);
      out += " commit " + text(n[5]);
      return n[6] == 0 ? out : out + " round " + text(n[6]);
    case 3:
      out += n[1] != 0 ? " match " + text(n[2]) : " refused, conflict " + at(n[4], n[3]);
      return n[5] == 0 ? out : out + " round " + text(n[5]);
    case 5:
      if (n[2] == 0) return out;
      out += " writes " + range(n[1], n[1] + n[2] - 1) + ": " + command_text(payload, names);
      return n[2] == 1 ? out : out + ", ...";
    case 6: return out + " write " + text(n[1]);
    case 7:
      out += " next " + text(n[1]);
      if (n[2] != 0) out += ", refuses " + text(n[2]) + " of " + range(n[3], n[4]);
      return n[5] != 0 ? out + ", exhausted" : out;
    case 8: return out + " id " + text(n[1]);
    case 9:
      out += " id " + text(n[1]);
      return out + (n[2] != 0 ? " index " + text(n[3]) : std::string(" refused"));
    default: return out;
  }
}

Blob body_of(const storage::LogRecord& record) {
  if (record.head_bytes == 0) return record.body;
  return Blob::copy_of(std::string(record.head_view()) + std::string(record.body.view()));
}

std::string raft_record_text(const storage::LogRecord& record, const OriginNames& names) {
  const auto decoded = wire::decode_raft_record(record.type, body_of(record));
  if (!decoded) return "a record that cannot be read";
  if (const auto* entry = std::get_if<consensus::Entry>(&decoded.value())) {
    const bool command = entry->kind == consensus::EntryKind::command;
    return at(entry->index.value, entry->term.value) + ": " +
           (command ? command_text(entry->payload, names) : "configuration");
  }
  if (const auto* state = std::get_if<consensus::HardState>(&decoded.value())) {
    const std::string vote = state->voted_for.empty() ? "nobody" : state->voted_for;
    return "term " + text(state->term.value) + ", vote for " + vote;
  }
  return "commit mark " + text(std::get<wire::CommitMark>(decoded.value()).index.value);
}

std::string journal_record_text(const storage::LogRecord& record, const OriginNames& names) {
  const auto decoded = wire::decode_journal_record(record.type, body_of(record));
  if (!decoded) return "a record that cannot be read";
  if (const auto* settled = std::get_if<crdt::Settled>(&decoded.value())) {
    return "settled through " + dot_text({settled->origin, settled->through}, names);
  }
  const auto& write = std::get<crdt::OfflineWrite>(decoded.value());
  std::string out = write_text(write, names);
  if (write.replaces.value != 0) {
    out += " in place of " + dot_text({write.dot.origin, write.replaces}, names);
  }
  if (write.old_dot.sequence.value != 0) out += ", which was " + dot_text(write.old_dot, names);
  return out;
}

std::string_view status_text(std::uint64_t status) {
  constexpr std::string_view kStatus[] = {"?",         "done",  "mismatch", "done, it was absent",
                                          "overtaken", "stale", "exhausted"};
  return status < std::size(kStatus) ? kStatus[status] : "?";
}

std::string_view verdict_text(std::uint64_t kind) {
  constexpr std::string_view kKinds[] = {"?", "won", "superseded", "rejected", "replaced"};
  return kind < std::size(kKinds) ? kKinds[kind] : "?";
}

/// What befell a handshake or a connection.
std::string_view connection_text(std::uint8_t fate) {
  using enum Network::Fate;
  switch (static_cast<Network::Fate>(fate)) {
    case unanswered: return "dialling has no answer";
    case hello_lost: return "Hello is lost";
    case hello_damaged: return "Hello is damaged";
    case hello_late: return "Hello is late";
    case reply_lost: return "the answer to Hello is lost";
    case reply_damaged: return "the answer to Hello is damaged";
    case reply_late: return "the answer to Hello is late";
    case timed_out: return "the handshake takes too long";
    case half_open: return "half-open: the other end is gone, and this one not told";
    case orphaned: return "half-open: who dialled is gone, and the other end not told";
    case reset: return "a reset tells that the other end is gone";
    case silent: return "given up: nothing is acknowledged";
    case let_go: return "given up by the other end: nothing is heard";
    case overflowed: return "given up: too much waits for it";
    default: return "?";
  }
}

/// What stands behind the node's name.
std::string words_of(const TraceEvent& event, const OriginNames& names) {
  constexpr std::string_view kLogs[] = {"Raft log", "journal"};
  constexpr std::string_view kDeaths[] = {"is killed", "loses power", "dies, and its directory",
                                          "dies, for an old copy of its directory"};
  constexpr std::string_view kFates[] = {"sent",    "lost",      "doubled",
                                         "damaged", "delivered", "stale"};
  const TraceValues& v = event.values;
  const Numbers& n = v.numbers;
  switch (v.kind) {
    case Happened::starting: return "starts";
    case Happened::started:
      return "has recovered: log up to " + at(n[0], n[1]) + ", term " + text(n[2]) + ", " +
             text(n[3]) + " journal records";
    case Happened::ready: return "is ready";
    case Happened::died: return std::string(kDeaths[v.detail]);
    case Happened::ended: return event.text.empty() ? "ends" : "ends: " + event.text;
    case Happened::leads: return "leads in term " + text(n[0]);
    case Happened::logs:
      return "logs (ticket " + text(n[0]) + ") " + raft_record_text(event.record, names);
    case Happened::journals:
      return "journals (ticket " + text(n[0]) + ") " + journal_record_text(event.record, names);
    case Happened::durable:
      return std::string(kLogs[v.detail]) + " durable up to ticket " + text(n[0]);
    case Happened::disk: return std::string(kLogs[v.detail]) + ": " + event.text;
    case Happened::applied: return "has applied " + at(n[0], n[1]);
    case Happened::decided:
      return "own write " + text(n[0]) + " at " + text(n[2]) + ": " +
             std::string(status_text(n[1]));
    case Happened::settled: {
      std::string out = "own offline write " + text(n[0]) + " at " + text(n[2]) + ": " +
                        std::string(verdict_text(n[1]));
      return n[3] == 0 ? out : out + ", revision " + text(n[3]) + " stands";
    }
    case Happened::delivered: return message_text(v.detail, n, event.record.body, names);
    case Happened::befell: {
      if (v.detail >= std::size(kFates)) return std::string(connection_text(v.detail));
      const bool known = n[0] < std::size(kMessages);
      return (known ? std::string(kMessages[n[0]]) : std::string("a message")) + " is " +
             std::string(kFates[v.detail]);
    }
    case Happened::called: return "is called (" + text(n[0]) + "): " + event.text;
    case Happened::answered: return "answers call " + text(n[0]) + ": " + event.text;
    case Happened::renamed: return "takes a new origin";
    case Happened::says: return "says: " + event.text;
    case Happened::fault: return "fault: " + event.text;
  }
  return "?";
}

}  // namespace

Numbers numbers_of(const consensus::Message& message) { return std::visit(NumbersOf{}, message); }

std::string seconds_text(std::uint64_t ns) {
  std::array<char, 32> time;
  std::snprintf(time.data(), time.size(), "%llu.%06llus",
                static_cast<unsigned long long>(ns / 1'000'000'000),
                static_cast<unsigned long long>(ns / 1'000 % 1'000'000));
  return time.data();
}

std::string_view message_name(std::size_t kind) { return kMessages[kind]; }

std::string line_of(const TraceEvent& event, const OriginNames& names) {
  const TraceValues& v = event.values;
  std::string line = seconds_text(static_cast<std::uint64_t>(v.at_ns)) + " ";
  if (v.kind != Happened::fault) line += node_name(v.peer) + " ";
  if (v.kind == Happened::delivered || v.kind == Happened::befell) {
    line += "-> " + node_name(v.other) + " ";
  }
  return line + words_of(event, names);
}

}  // namespace causeway::sim
