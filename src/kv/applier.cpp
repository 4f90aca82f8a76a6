// Order, batches and failures of the apply thread; what commands do is in writing.cpp and
// settling.cpp.
#include "kv/applier.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "kv/state.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

// A step's changes go to the table in one batch, or in several where they outgrow this.
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;

class StateMachine final : public Applier {
 public:
  StateMachine(Table& table, Origin own) : state_(table, own) {}

  Result<void> load();

  [[nodiscard]] AppliedPosition position() const override { return position_; }
  [[nodiscard]] Stamp greatest_stamp() const override { return state_.greatest_stamp; }
  Result<void> clear_pending() override { return state_.pending.clear(state_.changes); }
  Stepped step(std::span<const Input> inputs, std::size_t bytes_max,
               std::vector<Output>& out) override;

 private:
  using Outputs = std::vector<Output>;

  Result<void> handle(const Apply& apply, Outputs& out);
  Result<void> handle(const Get& ask, Outputs& out);
  Result<void> handle(const FindPending& ask, Outputs& out);
  Result<void> handle(const PutPending& put, Outputs& out);
  Result<void> handle(const ListPending& ask, Outputs& out);
  Result<void> handle(const FreePending& free, Outputs& out);
  Result<void> handle(const AskSettled& ask, Outputs& out);
  Result<void> handle(const ListConflicts& ask, Outputs& out);
  Result<void> handle(const FindOutcome& ask, Outputs& out);

  [[nodiscard]] bool full() const { return out_bytes_ >= out_bytes_max_; }
  [[nodiscard]] bool left_in_part(const Input& input) const;
  std::string misplaced(const LogEntry& entry) const;
  Result<void> apply_command(const LogEntry& entry, const Command& command, Applied& applied);
  Result<void> write(const Outputs& out);
  Sequence own_settled();

  State state_;
  AppliedPosition position_;
  AppliedPosition written_;       // the position in the newest batch
  std::size_t outputs_sure_ = 0;  // outputs of the step that rest on nothing unwritten
  std::size_t out_bytes_ = 0;     // in the outputs of the step
  std::size_t out_bytes_max_ = 0;
  bool failed_ = false;
};

Result<void> StateMachine::load() {
  CAUSEWAY_TRY(row, state_.changes.get(keys::kApplied));
  if (row) {
    const std::optional<AppliedRow> applied = decode_applied(*row);
    if (!applied) {
      return Error{Errc::corrupt,
                   "the state's table says nothing readable of how far it is: it is damaged, or "
                   "of a newer version of this program"};
    }
    position_ = applied->position;
    written_ = position_;
    state_.greatest_stamp = applied->greatest_stamp;
  }
  CAUSEWAY_TRY(state_.origins.load(state_.changes));
  return state_.conflicts.load(state_.changes);
}

Stepped StateMachine::step(std::span<const Input> inputs, std::size_t bytes_max, Outputs& out) {
  if (failed_) return {inputs.size(), 0};
  outputs_sure_ = out.size();
  out_bytes_ = 0;
  out_bytes_max_ = bytes_max;
  Result<void> done = success();
  std::size_t handled = 0;
  while (done && handled < inputs.size() && !full()) {
    const Input& input = inputs[handled];
    done = std::visit([&](const auto& each) { return handle(each, out); }, input);
    if (!left_in_part(input)) ++handled;
  }
  if (done) done = write(out);
  if (done) return {handled, out_bytes_};
  // Answers that rest on a batch that was not written were never given.
  failed_ = true;
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(outputs_sure_), out.end());
  out.emplace_back(Failed{done.error()});
  return {inputs.size(), out_bytes_};
}

bool StateMachine::left_in_part(const Input& input) const {
  const auto* apply = std::get_if<Apply>(&input);
  return apply != nullptr && full() && !apply->entries.empty() &&
         apply->entries.back().index > position_.index;
}

// Closes the batch: everything behind it is then in the table's hands.
Result<void> StateMachine::write(const Outputs& out) {
  state_.origins.save(state_.changes);
  state_.conflicts.save(state_.changes);
  if (position_ != written_) {
    state_.changes.put(std::string(keys::kApplied),
                       encode_applied({position_, state_.greatest_stamp}));
  }
  CAUSEWAY_TRY(state_.changes.write());
  written_ = position_;
  outputs_sure_ = out.size();
  return success();
}

// Why `entry` cannot follow what was applied; empty: it can. The log keeps these rules; a table or
// a log that was put back from a copy may not.
std::string StateMachine::misplaced(const LogEntry& entry) const {
  if (entry.index != position_.index.next()) {
    return "came behind entry " + std::to_string(position_.index.value);
  }
  if (entry.term < position_.term) return "is of an earlier term than the one before it";
  if (entry.log_time <= position_.log_time) return "has a log time that does not rise";
  return {};
}

Result<void> StateMachine::handle(const Apply& apply, Outputs& out) {
  Applied applied;
  std::string refused;
  for (const LogEntry& entry : apply.entries) {
    if (entry.index <= position_.index) continue;  // replay
    if (full()) break;
    refused = misplaced(entry);
    if (refused.empty() && entry.command) {
      const Result<Command> command = decode(entry.payload);
      if (command) {
        CAUSEWAY_TRY(apply_command(entry, command.value(), applied));
      } else {
        refused = command.error().detail;
      }
    }
    if (!refused.empty()) {
      refused = "entry " + std::to_string(entry.index.value) + ": " + refused;
      break;
    }
    position_ = {entry.index, entry.term, entry.log_time, entry.hash};
    if (state_.changes.bytes() > kBatchBytes) {
      CAUSEWAY_TRY(write(out));
    }
  }
  applied.position = position_;
  out.emplace_back(std::move(applied));
  if (refused.empty()) return success();
  // What came before it is good.
  CAUSEWAY_TRY(write(out));
  return Error{Errc::corrupt, std::move(refused)};
}

Result<void> StateMachine::apply_command(const LogEntry& entry, const Command& command,
                                         Applied& applied) {
  if (const auto* write = std::get_if<Write>(&command)) {
    CAUSEWAY_TRY(result, apply_write(state_, entry, *write));
    if (write->call.origin != state_.own) return success();
    if (result.current) out_bytes_ += result.current->size();
    applied.writes.push_back(std::move(result));
  } else if (const auto* batch = std::get_if<Settle>(&command)) {
    CAUSEWAY_TRY(result, apply_settle(state_, entry, *batch));
    if (batch->origin == state_.own) applied.settles.push_back(std::move(result));
  } else {
    const Start& start = std::get<Start>(command);
    const StartResult result = apply_start(state_, start);
    if (start.origin == state_.own) {
      applied.starts.push_back(result);
    } else if (result.accepted) {
      applied.starts_elsewhere.push_back({start.origin, start.incarnation, start.number});
    }
  }
  return success();
}

Result<void> StateMachine::handle(const Get& ask, Outputs& out) {
  GetResult result;
  result.id = ask.id;
  result.applied = position_.index;
  if (ask.local) {
    CAUSEWAY_TRY(pending, state_.pending.read(ask.key, state_.changes));
    if (pending) {
      result.pending = true;
      result.pending_sequence = pending->dot.sequence;
      result.version = crdt::StoredVersion{.revision = {},
                                           .stamp = pending->stamp,
                                           .origin = pending->dot.origin,
                                           .sequence = pending->dot.sequence,
                                           .kind = crdt::WriteKind::offline,
                                           .tombstone = pending->deleted,
                                           .expires_ms = pending->expires_ms};
      if (!pending->deleted) result.value = std::string(pending->value.view());
      out_bytes_ += pending->value.size();
      out.emplace_back(std::move(result));
      return success();
    }
  }
  CAUSEWAY_TRY(committed, read_committed(state_, ask.key));
  if (committed) {
    result.version = committed->version;
    result.value = std::move(*committed).take_value();
    if (result.value) out_bytes_ += result.value->size();
  }
  out.emplace_back(std::move(result));
  return success();
}

Result<void> StateMachine::handle(const FindPending& ask, Outputs& out) {
  CAUSEWAY_TRY(held, state_.pending.find(ask.key, state_.changes));
  out.emplace_back(FoundPending{ask.id, held});
  return success();
}

Result<void> StateMachine::handle(const PutPending& put, Outputs& out) {
  CAUSEWAY_TRY(state_.pending.put(put.write, own_settled(), state_.changes));
  if (state_.changes.bytes() > kBatchBytes) return write(out);
  return success();
}

Result<void> StateMachine::handle(const ListPending& ask, Outputs& out) {
  CAUSEWAY_TRY(write(out));
  CAUSEWAY_TRY(list, state_.pending.list(ask, state_.changes));
  for (const crdt::OfflineWrite& write : list.writes) {
    out_bytes_ += write.key.size() + write.value.size();
  }
  out.emplace_back(std::move(list));
  return success();
}

Result<void> StateMachine::handle(const FreePending& free, Outputs& out) {
  CAUSEWAY_TRY(write(out));
  CAUSEWAY_TRY(freed, state_.pending.free(free.through, own_settled(), state_.changes));
  out.emplace_back(std::move(freed));
  return success();
}

Result<void> StateMachine::handle(const AskSettled& ask, Outputs& out) {
  SettledState answer;
  answer.id = ask.id;
  answer.applied = position_.index;
  if (const OriginState* own = state_.origins.find(state_.own)) {
    answer.through = own->settled;
    answer.chain = own->chain;
    answer.start_number = own->start_number;
    for (const Sequence sequence : own->unlearnt) {
      CAUSEWAY_TRY(row, state_.changes.get(keys::verdict({state_.own, sequence})));
      std::optional<crdt::Verdict> verdict;
      if (row) verdict = decode_verdict(sequence, *row);
      if (!verdict) return damaged("a verdict");
      answer.unlearnt.push_back(*std::move(verdict));
    }
  }
  if (ask.starts) answer.starts = state_.origins.newest_starts();
  out.emplace_back(std::move(answer));
  return success();
}

Result<void> StateMachine::handle(const ListConflicts& ask, Outputs& out) {
  CAUSEWAY_TRY(list, state_.conflicts.list(ask, state_.changes));
  for (const Conflict& conflict : list.conflicts) {
    out_bytes_ += conflict.key.size() + value_bytes(conflict);
  }
  out.emplace_back(std::move(list));
  return success();
}

Result<void> StateMachine::handle(const FindOutcome& ask, Outputs& out) {
  CAUSEWAY_TRY(found, find_outcome(state_, ask));
  out.emplace_back(found);
  return success();
}

Sequence StateMachine::own_settled() {
  const OriginState* own = state_.origins.find(state_.own);
  return own == nullptr ? Sequence{} : own->settled;
}

}  // namespace

Result<std::optional<Stored>> read_committed(State& state, std::string_view key) {
  CAUSEWAY_TRY(row, state.changes.get(keys::data(key)));
  if (!row) return std::optional<Stored>{};
  std::optional<Stored> stored = decode_stored(*std::move(row));
  if (!stored) return damaged("a value's version");
  return stored;
}

void write_committed(State& state, std::string_view key, const crdt::StoredVersion& version,
                     std::string_view value) {
  state.changes.put(keys::data(key), encode_stored(version, value));
  state.greatest_stamp = std::max(state.greatest_stamp, version.stamp);
}

Result<std::unique_ptr<Applier>> Applier::open(Table& table, Origin own) {
  auto machine = std::make_unique<StateMachine>(table, own);
  CAUSEWAY_TRY(machine->load());
  return std::unique_ptr<Applier>(std::move(machine));
}

}  // namespace causeway::kv
