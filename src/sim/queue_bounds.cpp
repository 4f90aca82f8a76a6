#include "sim/queue_bounds.hpp"

#include <utility>
#include <variant>

#include "node/core.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

[[noreturn]] void broken(const std::string& node, const std::string& what) {
  throw Violation("queue-bound", "node " + node + " " + what);
}

void judge(const std::string& node, const char* what, std::size_t is, std::size_t limit) {
  if (is > limit) {
    broken(node,
           "holds " + std::to_string(is) + " " + what + ", more than " + std::to_string(limit));
  }
}

bool is_exhausted(const wire::Reply& reply) {
  const auto* error = std::get_if<wire::CallError>(&reply);
  return error != nullptr && error->error.code == Errc::exhausted;
}

using node::Asker;

// The node asks some for itself.
bool is_of_caller(const kv::Get& get) { return node::asker_of(get.id) == Asker::reads; }
bool is_of_caller(const kv::GetResult& got) { return node::asker_of(got.id) == Asker::reads; }
bool is_of_caller(const kv::ListPending& list) {
  return node::asker_of(list.id) == Asker::inquiries;
}
bool is_of_caller(const kv::PendingList& list) {
  return node::asker_of(list.id) == Asker::inquiries;
}
bool is_of_caller(const kv::FindPending& find) { return node::asker_of(find.id) == Asker::gate; }
bool is_of_caller(const kv::FoundPending& found) { return node::asker_of(found.id) == Asker::gate; }
bool is_of_caller(const kv::ListConflicts&) { return true; }
bool is_of_caller(const kv::ConflictList&) { return true; }
bool is_of_caller(const kv::FindOutcome&) { return true; }
bool is_of_caller(const kv::OutcomeFound&) { return true; }
template <class Other>
bool is_of_caller(const Other&) {
  return false;
}

template <class Variant>
bool is_callers(const Variant& any) {
  return std::visit([](const auto& each) { return is_of_caller(each); }, any);
}

}  // namespace

// ---- calls

void QueueBounds::Load::add(const Load& other) {
  calls += other.calls;
  waiting += other.waiting;
  waiting_bytes += other.waiting_bytes;
  offline_bytes += other.offline_bytes;
}

void QueueBounds::Load::remove(const Load& other) {
  calls -= other.calls;
  waiting -= other.waiting;
  waiting_bytes -= other.waiting_bytes;
  offline_bytes -= other.offline_bytes;
}

QueueBounds::Load QueueBounds::load_of(const wire::Call& call) {
  Load load{.calls = 1};
  if (const auto* get = std::get_if<wire::GetCall>(&call)) {
    load.waiting = get->consistent ? 1 : 0;
  } else if (const auto* write = std::get_if<wire::WriteCall>(&call)) {
    const std::size_t bytes = write->key.size() + write->value.size();
    load.waiting = write->consistent ? 1 : 0;
    if (!write->consistent) load.offline_bytes = bytes;
    if (write->consistent)
      load.waiting_bytes = bytes + (write->expected ? write->expected->size() : 0);
  } else if (std::holds_alternative<wire::AwaitCall>(call) ||
             std::holds_alternative<wire::OutcomeCall>(call)) {
    load.waiting = 1;
  }
  return load;
}

void QueueBounds::called(const node::CallHandle& handle, const wire::Call& what) {
  const auto* write = std::get_if<wire::WriteCall>(&what);
  const Call call{.connection = handle.connection,
                  .writes_by_majority = write != nullptr && write->consistent,
                  .load = load_of(what)};
  open_.emplace(handle.call, call);
  connections_[handle.connection].add(call.load);
  all_.add(call.load);
  grown_.push_back(handle.connection);
}

void QueueBounds::closed(std::uint64_t connection) {
  for (auto call = open_.begin(); call != open_.end();) {
    const auto here = call++;
    if (here->second.connection != connection) continue;
    hung_up_.add(here->second.load);
    end(here);
  }
}

void QueueBounds::end(std::map<std::uint64_t, Call>::iterator call) {
  all_.remove(call->second.load);
  const auto own = connections_.find(call->second.connection);
  own->second.remove(call->second.load);
  if (own->second.calls == 0) connections_.erase(own);
  open_.erase(call);
}

// A turn takes all in that was asked before it.
void QueueBounds::turn(const std::string& node, const node::Effects& effects) {
  if (!effects.answers.empty()) take_answers(node, effects.answers);
  if (!grown_.empty()) judge_calls(node);
  for (const storage::LogInput& input : effects.raft_log) {
    const auto* fetch = std::get_if<storage::Fetch>(&input);
    if (fetch != nullptr) read_back_.insert(fetch->key);
  }
  for (const kv::Input& input : effects.applier) {
    if (const auto* apply = std::get_if<kv::Apply>(&input)) {
      take_entries(node, *apply);
    } else {
      take_question(node, input);
    }
  }
}

// What was answered in a turn may have held its place when another was refused in it.
void QueueBounds::take_answers(const std::string& node,
                               const std::vector<node::Answered>& answers) {
  std::vector<const Call*> turned_away;
  Load refused;
  for (const node::Answered& answer : answers) {
    const auto call = open_.find(answer.handle.call);
    if (call == open_.end() || !is_exhausted(answer.reply)) continue;
    if (call->second.writes_by_majority) continue;
    turned_away.push_back(&call->second);
    refused.add(call->second.load);
  }
  for (const Call* call : turned_away) {
    if (!has_no_place(*call, refused))
      broken(node, "refuses a call as exhausted, and has " + std::to_string(all_.calls) + " calls");
  }
  for (const node::Answered& answer : answers) {
    const auto call = open_.find(answer.handle.call);
    if (call != open_.end()) end(call);
  }
}

bool QueueBounds::has_no_place(const Call& call, const Load& refused) const {
  const Load& own = connections_.at(call.connection);
  Load others = all_;
  others.remove(refused);
  others.add(hung_up_);
  if (others.calls >= limits_->calls_max) return true;
  if (own.calls > limits_->calls_per_connection_max) return true;
  if (call.load.waiting != 0) {
    return others.waiting >= limits_->waiting_calls_max ||
           own.waiting > limits_->waiting_calls_per_connection_max;
  }
  return call.load.offline_bytes != 0 &&
         others.offline_bytes + call.load.offline_bytes > limits_->offline_bytes_max;
}

void QueueBounds::judge_calls(const std::string& node) {
  judge(node, "calls", all_.calls, limits_->calls_max);
  judge(node, "calls that wait for a majority", all_.waiting, limits_->waiting_calls_max);
  judge(node, "bytes of undecided writes", all_.waiting_bytes, limits_->waiting_bytes_max);
  judge(node, "bytes of offline writes", all_.offline_bytes, limits_->offline_bytes_max);
  for (const std::uint64_t connection : grown_) {
    const auto own = connections_.find(connection);
    if (own == connections_.end()) continue;
    judge(node, "calls of one connection", own->second.calls, limits_->calls_per_connection_max);
    judge(node, "calls of one connection that wait for a majority", own->second.waiting,
          limits_->waiting_calls_per_connection_max);
  }
  grown_.clear();
}

// ---- the applier

void QueueBounds::take_question(const std::string& node, const kv::Input& input) {
  if (!is_callers(input)) return;
  judge(node, "questions of callers at its applier", ++questions_, limits_->questions_max);
}

void QueueBounds::take_entries(const std::string& node, const kv::Apply& apply) {
  if (apply.entries.empty()) return;
  if (!applied_) applied_ = LogIndex{apply.entries.front().index.value - 1};
  judge(node, "entries at its applier", apply.entries.back().index.value - applied_->value,
        limits_->apply_entries_max);
  Given given{.last = apply.entries.back().index};
  for (const kv::LogEntry& entry : apply.entries) given.bytes += entry.payload.size();
  const bool from_memory = !read_back_.contains(apply.entries.front().index.value);
  const std::size_t before_last =
      given_bytes_ + (from_memory ? given.bytes - apply.entries.back().payload.size() : 0);
  if (before_last >= limits_->apply_bytes_max) {
    broken(node, "gives its applier entries behind " + std::to_string(before_last) +
                     " bytes of others, with a limit of " +
                     std::to_string(limits_->apply_bytes_max));
  }
  given_bytes_ += given.bytes;
  given_.push_back(given);
  read_back_.erase(read_back_.begin(), read_back_.upper_bound(given.last.value));
}

void QueueBounds::applier_done(const std::vector<kv::Output>& outputs) {
  for (const kv::Output& output : outputs) {
    if (is_callers(output)) --questions_;
    const auto* applied = std::get_if<kv::Applied>(&output);
    if (applied == nullptr) continue;
    applied_ = applied->position.index;
    while (!given_.empty() && given_.front().last <= applied_) {
      given_bytes_ -= given_.front().bytes;
      given_.pop_front();
    }
  }
}

}  // namespace causeway::sim
