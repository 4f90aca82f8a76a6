#include "sim/trace.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"
#include "crdt/dot.hpp"
#include "sim/words.hpp"

namespace causeway::sim {

Trace::Trace(std::size_t kept) : ring_(std::max<std::size_t>(kept, 1)) {}

void Trace::follow(const Schedule& schedule) {
  schedule_ = &schedule;
  begin_ = schedule.now();
}

TraceEvent& Trace::event(Happened kind, Peer peer, std::uint8_t detail, Peer other) {
  if (next_ == ring_.size()) next_ = 0;
  TraceEvent& slot = ring_[next_++];
  slot.values = {.at_ns = schedule_ == nullptr ? 0 : (schedule_->now() - begin_).count(),
                 .kind = kind,
                 .detail = detail,
                 .peer = static_cast<std::uint8_t>(peer),
                 .other = static_cast<std::uint8_t>(other)};
  slot.text.clear();
  slot.record.head_bytes = 0;
  slot.record.body = {};
  return slot;
}

void Trace::add(const TraceEvent& event) {
  ++events_;
  hash_ = hash64({reinterpret_cast<const char*>(&event.values), sizeof event.values}, hash_);
  if (!event.text.empty()) hash_ = hash64(event.text, hash_);
  const bool whole = event.values.kind != Happened::delivered;  // else the numbers cover it
  if (whole && event.record.head_bytes != 0) hash_ = hash64(event.record.head_view(), hash_);
  if (whole && !event.record.body.empty()) hash_ = hash64(event.record.body.view(), hash_);
  if (on_line) on_line(line_of(event, names_));
}

std::string Trace::tail() const {
  std::string lines;
  const std::uint64_t size = ring_.size();
  for (std::uint64_t i = events_ > size ? events_ - size : 0; i < events_; ++i) {
    lines += line_of(ring_[i % size], names_) + "\n";
  }
  return lines;
}

// A second origin of node 3 is written 3', a third 3''.
void Trace::name(Origin origin, Peer peer) {
  if (origin.value == 0 || origin_.at(peer) == origin) return;
  origin_[peer] = origin;
  std::string text = node_name(peer);
  const auto taken = [&](const auto& known) { return known.second == text; };
  while (std::any_of(names_.begin(), names_.end(), taken)) text += '\'';
  names_.emplace(origin, std::move(text));
}

// ---- the life of a machine

void Trace::starting(Peer peer) {
  recovery_.at(peer) = {};
  add(event(Happened::starting, peer));
}

void Trace::recovered(Peer peer, const wire::RaftRecord& record) {
  Recovery& now = recovery_.at(peer);
  if (const auto* entry = std::get_if<consensus::Entry>(&record)) {
    now.last = entry->index;
    now.last_term = entry->term;
  } else if (const auto* state = std::get_if<consensus::HardState>(&record)) {
    now.term = state->term;
  }
}

void Trace::recovered(Peer peer, const wire::JournalRecord&) {
  ++recovery_.at(peer).journal_records;
}

void Trace::started(Peer peer) {
  const Recovery& now = recovery_.at(peer);
  TraceEvent& started = event(Happened::started, peer);
  started.values.numbers = {now.last.value, now.last_term.value, now.term.value,
                            now.journal_records};
  add(started);
}

void Trace::ready(Peer peer) { add(event(Happened::ready, peer)); }

void Trace::died(Peer peer, Death death) {
  add(event(Happened::died, peer, static_cast<std::uint8_t>(death)));
}

void Trace::ended(Peer peer, const std::optional<Error>& error) {
  TraceEvent& ended = event(Happened::ended, peer);
  if (error) ended.text.append(name_of(error->code)).append(", ").append(error->detail);
  add(ended);
}

// ---- what it does

void Trace::turn(Peer peer, const node::Effects& effects) {
  for (const node::PeerHello& hello : effects.hellos) name(hello.hello.origin, peer);
  for (const node::LogLine& line : effects.log) {
    TraceEvent& says = event(Happened::says, peer);
    says.text = line.text;
    add(says);
  }
  log_inputs(peer, Log::raft, effects.raft_log);
  log_inputs(peer, Log::journal, effects.journal);
  if (effects.new_origin) {
    TraceEvent& renamed = event(Happened::renamed, peer);
    renamed.values.numbers[0] = effects.new_origin->value;
    add(renamed);
    name(*effects.new_origin, peer);
  }
}

void Trace::log_inputs(Peer peer, Log log, const std::vector<storage::LogInput>& inputs) {
  const Happened kind = log == Log::raft ? Happened::logs : Happened::journals;
  for (const storage::LogInput& input : inputs) {
    if (const auto* append = std::get_if<storage::Append>(&input)) {
      for (const storage::LogRecord& record : append->records) {
        TraceEvent& logs = event(kind, peer);
        logs.values.numbers[0] = append->ticket;
        logs.record = record;
        add(logs);
      }
      continue;
    }
    TraceEvent& asked = event(Happened::disk, peer, static_cast<std::uint8_t>(log));
    asked.text = storage::to_text(input);
    add(asked);
  }
}

void Trace::raft_log_done(Peer peer, const storage::LogEffects& effects) {
  log_effects(peer, Log::raft, effects);
}

void Trace::journal_done(Peer peer, const storage::LogEffects& effects) {
  log_effects(peer, Log::journal, effects);
}

void Trace::log_effects(Peer peer, Log log, const storage::LogEffects& effects) {
  for (const storage::LogEffect& effect : effects) {
    const auto* durable = std::get_if<storage::Durable>(&effect);
    TraceEvent& done = event(durable != nullptr ? Happened::durable : Happened::disk, peer,
                             static_cast<std::uint8_t>(log));
    if (durable != nullptr) {
      done.values.numbers[0] = durable->ticket;
    } else {
      done.text = storage::to_text(effect);
    }
    add(done);
  }
}

void Trace::applied(Peer peer, const kv::Applied& applied) {
  const kv::AppliedPosition& at = applied.position;
  TraceEvent& position = event(Happened::applied, peer);
  position.values.numbers = {at.index.value, at.term.value, at.log_time.value, at.hash};
  add(position);
  for (const kv::WriteResult& write : applied.writes) {
    TraceEvent& decided = event(Happened::decided, peer);
    decided.values.numbers = {write.number, static_cast<std::uint64_t>(write.status),
                              write.index.value, write.version.revision.value};
    add(decided);
  }
  for (const kv::SettleResult& settle : applied.settles) {
    for (const crdt::Verdict& verdict : settle.verdicts) {
      TraceEvent& settled = event(Happened::settled, peer);
      settled.values.numbers = {verdict.sequence.value, static_cast<std::uint64_t>(verdict.kind),
                                settle.index.value, verdict.winner.revision.value};
      add(settled);
    }
  }
}

// ---- the network

void Trace::sent(Peer from, Peer, const consensus::Message& message) {
  last_sent_ = message.index();
  // Only a leader sends these, and its first one says that it is.
  const auto* append = std::get_if<consensus::AppendEntries>(&message);
  if (append == nullptr || append->term <= led_.at(from)) return;
  led_[from] = append->term;
  TraceEvent& leads = event(Happened::leads, from);
  leads.values.numbers[0] = append->term.value;
  add(leads);
}

void Trace::delivered(Peer from, Peer to, const consensus::Message& message) {
  TraceEvent& delivered =
      event(Happened::delivered, from, static_cast<std::uint8_t>(message.index()), to);
  delivered.values.numbers = numbers_of(message);
  const auto* forward = std::get_if<consensus::Forward>(&message);
  if (forward != nullptr && !forward->items.empty()) {
    delivered.record.body = forward->items.front().payload;
  }
  add(delivered);
}

void Trace::befell(Peer from, Peer to, Network::Fate fate) {
  TraceEvent& befell = event(Happened::befell, from, static_cast<std::uint8_t>(fate), to);
  // A message that comes too late was sent before others.
  befell.values.numbers[0] = fate >= Network::Fate::stale ? UINT64_MAX : last_sent_;
  add(befell);
}

// ---- callers and faults

void Trace::called(Peer peer, const node::CallHandle& handle, const wire::Call& what) {
  TraceEvent& called = event(Happened::called, peer);
  called.values.numbers[0] = handle.call;
  const auto* write = std::get_if<wire::WriteCall>(&what);
  if (write != nullptr) called.values.numbers[1] = hash64(write->value.view());
  append_call(called.text, what);
  add(called);
}

void Trace::answered(Peer peer, std::uint64_t call, const wire::Reply& reply) {
  TraceEvent& answered = event(Happened::answered, peer);
  answered.values.numbers[0] = call;
  const auto* answer = std::get_if<wire::Answer>(&reply);
  const auto* response = answer == nullptr ? nullptr : std::get_if<Response>(answer);
  if (response != nullptr) {
    answered.values.numbers[1] = hash64(response->value);
    if (response->version) answered.values.numbers[2] = response->version->stamp.value;
    // Its own: only the node that took a write answers with its token.
    if (!response->token.empty()) {
      if (const auto dot = crdt::parse_dot(response->token)) name(dot.value().origin, peer);
    }
  }
  append_reply(answered.text, reply, names_);
  add(answered);
}

void Trace::fault(const std::string& text) {
  TraceEvent& fault = event(Happened::fault, 0);
  fault.text = text;
  add(fault);
}

}  // namespace causeway::sim
