#include "sim/model_state.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "kv/limits.hpp"

namespace causeway::sim {

using WriteStatus = kv::WriteResult::Status;

std::uint64_t fingerprint(std::string_view key, bool deleted, std::string_view value) {
  return hash64(value, hash64(key, deleted ? 1 : 0));
}

const ModelOutcome& ModelState::apply(const kv::LogEntry& entry) {
  CAUSEWAY_CHECK(entry.index == index().next());
  if (!entry.command) return outcomes_.emplace_back();
  const Result<kv::Command> command = kv::decode(entry.payload);
  if (!command) return outcomes_.emplace_back();  // every node stops here, and says so
  ModelOutcome outcome;
  if (const auto* write = std::get_if<kv::Write>(&command.value())) {
    outcome.origin = write->call.origin;
    outcome.result = this->write(entry, *write, outcome.current);
  } else if (const auto* batch = std::get_if<kv::Settle>(&command.value())) {
    outcome.origin = batch->origin;
    outcome.result = settle(entry, *batch);
  } else {
    outcome.origin = std::get<kv::Start>(command.value()).origin;
    outcome.result = start(std::get<kv::Start>(command.value()));
  }
  return outcomes_.emplace_back(std::move(outcome));
}

const ModelOrigin* ModelState::find(Origin origin) const {
  const auto found = origins_.find(origin);
  return found == origins_.end() ? nullptr : &found->second;
}

const ModelSettled* ModelState::settled(Dot dot) const {
  const ModelOrigin* origin = find(dot.origin);
  if (origin == nullptr) return nullptr;
  const auto found = origin->history.find(dot.sequence);
  return found == origin->history.end() ? nullptr : &found->second;
}

std::optional<crdt::StoredVersion> ModelState::version_of(const std::string& key) const {
  const auto row = rows_.find(key);
  return row == rows_.end() ? std::nullopt : std::optional(row->second.version);
}

void ModelState::put(const std::string& key, const crdt::StoredVersion& version, Blob value) {
  rows_.insert_or_assign(key, ModelRow{version, std::move(value)});
}

// A start ends all earlier ones. Its own record again changes nothing; one that is over stays over.
kv::StartResult ModelState::start(const kv::Start& start) {
  ModelOrigin& origin = origins_[start.origin];
  const auto known = std::find(origin.starts.begin(), origin.starts.end(), start.incarnation);
  const bool newest = !origin.starts.empty() && origin.starts.back() == start.incarnation;
  kv::StartResult result{.incarnation = start.incarnation};
  if (newest) {
    result.accepted = start.number >= origin.start_number;
  } else if (known == origin.starts.end() && start.number > origin.start_number) {
    result.accepted = true;
    origin.starts.push_back(start.incarnation);
    if (origin.starts.size() > kv::kIncarnationsMax) origin.starts.erase(origin.starts.begin());
    origin.lowest = 1;
    origin.results.clear();
  }
  if (result.accepted) origin.start_number = start.number;
  result.number = origin.start_number;
  return result;
}

kv::WriteResult ModelState::write(const kv::LogEntry& entry, const kv::Write& write,
                                  std::optional<std::uint64_t>& current) {
  const kv::CallId& call = write.call;
  kv::WriteResult result{
      .incarnation = call.incarnation, .number = call.number, .index = entry.index};
  result.status = WriteStatus::stale;
  const auto found = origins_.find(call.origin);
  if (found == origins_.end()) return result;
  ModelOrigin& origin = found->second;
  if (origin.starts.empty() || origin.starts.back() != call.incarnation) return result;

  origin.lowest = std::max(origin.lowest, call.lowest_unanswered);
  origin.results.erase(origin.results.begin(), origin.results.lower_bound(origin.lowest));
  if (call.number < origin.lowest) return result;
  result.status = WriteStatus::exhausted;
  if (call.number - origin.lowest >= kv::kResultsMax) return result;

  // The same call again takes no effect again, and gets the same answer.
  auto kept = origin.results.find(call.number);
  if (kept == origin.results.end()) {
    crdt::StoredVersion version;
    const WriteStatus status = take_effect(entry, write, origin, version);
    kept = origin.results.emplace(call.number, ModelOrigin::Kept{status, version}).first;
  }
  result.status = kept->second.status;
  result.version = kept->second.version;
  if (result.status == WriteStatus::mismatch) {
    const auto row = rows_.find(std::string(write.key));
    if (row != rows_.end()) {
      result.version = row->second.version;
      if (!result.version.tombstone) current = hash64(row->second.value.view());
    }
  }
  return result;
}

WriteStatus ModelState::take_effect(const kv::LogEntry& entry, const kv::Write& write,
                                    const ModelOrigin& origin, crdt::StoredVersion& version) {
  const std::string key(write.key);
  const auto row = rows_.find(key);
  const bool there = row != rows_.end() && !row->second.version.tombstone;
  if (is_overtaken(write.call.origin, write.reached, origin.settled, version_of(key)))
    return WriteStatus::overtaken;
  if (write.kind == kv::CommandKind::swap) {
    if (write.expected.has_value() != there) return WriteStatus::mismatch;
    if (there && *write.expected != row->second.value.view()) return WriteStatus::mismatch;
  }
  const bool removes = write.kind == kv::CommandKind::remove;
  version = {.revision = entry.index,
             .stamp = entry.log_time,
             .origin = write.call.origin,
             .sequence = write.reached,
             .kind = crdt::WriteKind::consistent,
             .tombstone = removes,
             .session = write.session,
             .expires_ms = write.expires_ms};
  put(key, version, Blob::copy_of(write.value));
  return removes && !there ? WriteStatus::absent : WriteStatus::done;
}

}  // namespace causeway::sim
