#include "node/reads.hpp"

#include <utility>

#include "node/answers.hpp"

namespace causeway::node {

void Reads::arrive(Turn& turn, CallHandle handle, wire::GetCall call) {
  const Waits waits = call.consistent ? Waits::for_majority : Waits::locally;
  if (!admission_.admit(turn, handle, waits)) return;
  const std::uint64_t number = turn.core.fresh();
  const auto deadline = call.consistent ? deadline_of(turn.now, call.timeout_ms) : std::nullopt;
  deadlines_.add(deadline, number);
  Read& read = open_.emplace_hint(open_.end(), number, Read{})->second;
  read = {.handle = handle,
          .key = std::move(call.key),
          .consistent = call.consistent,
          .deadline = deadline};
  if (!read.consistent) {
    ask(turn, number, read);
  } else if (gate_.enter(turn, read.key, tagged(Asker::reads, number))) {
    released(number);
  }
}

void Reads::released(std::uint64_t number) { next_group_.push_back(number); }

void Reads::begin_group(Turn& turn) {
  if (next_group_.empty()) return;
  const std::uint64_t group = turn.core.fresh();
  auto& members = groups_[group];
  for (const std::uint64_t number : std::exchange(next_group_, {})) {
    const auto at = open_.find(number);
    if (at == open_.end()) continue;
    at->second.group = group;
    members.insert(members.end(), number);
  }
  if (members.empty()) {
    groups_.erase(group);
    return;
  }
  turn.core.raft.read(turn.now, tagged(Asker::reads, group), turn.core.raft_out);
}

void Reads::ready(Turn&, std::uint64_t group, LogIndex index) {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  for (const std::uint64_t number : found->second) {
    open_.at(number).group = 0;
    confirmed_.emplace(index, number);
  }
  groups_.erase(found);
}

void Reads::given(Turn& turn, LogIndex given) {
  while (!confirmed_.empty() && confirmed_.begin()->first <= given) {
    const std::uint64_t number = confirmed_.begin()->second;
    confirmed_.erase(confirmed_.begin());
    const auto at = open_.find(number);
    if (at != open_.end()) ask(turn, number, at->second);
  }
}

void Reads::ask(Turn& turn, std::uint64_t number, Read& read) {
  const std::uint64_t id = tagged(Asker::reads, number);
  const bool local = !read.consistent && turn.core.journal.may_be_pending(read.key);
  turn.core.questions.ask(turn, id, kv::Get{.id = id, .key = read.key, .local = local});
}

void Reads::found(Turn& turn, kv::GetResult result) {
  turn.core.questions.answered(turn);
  const auto at = open_.find(number_of(result.id));
  if (at == open_.end()) return;  // it timed out meanwhile
  if (!at->second.consistent && result.applied.value == 0 && !result.pending) {
    finish(turn, at,
           refuse(Errc::no_data,
                  "this node has never held data, so it cannot say that the key is absent: ask "
                  "another node, or wait until a majority is reachable"));
    return;
  }
  Response response;
  response.valid = result.value.has_value();
  if (result.value) response.value = std::move(*result.value);
  if (result.version) response.version = public_version(*result.version);
  response.pending = result.pending;
  finish(turn, at, wire::Answer(std::move(response)));
}

void Reads::due(Turn& turn) {
  while (const auto number = deadlines_.pop(turn.now.mono)) {
    const auto at = open_.find(*number);
    CAUSEWAY_CHECK(at != open_.end());
    at->second.deadline.reset();
    give_up(turn, at, timeout_reply(TimeoutReason::budget));
  }
}

void Reads::give_up(Turn& turn, Open::iterator at, wire::Reply reply) {
  gate_.cancel(turn, tagged(Asker::reads, at->first));
  turn.core.questions.withdraw(tagged(Asker::reads, at->first));
  if (const auto group = groups_.find(at->second.group); group != groups_.end()) {
    group->second.erase(at->first);
    if (group->second.empty()) {
      turn.core.raft.cancel_read(tagged(Asker::reads, group->first));
      groups_.erase(group);
    }
  }
  finish(turn, at, std::move(reply));
}

void Reads::finish(Turn& turn, Open::iterator at, wire::Reply reply) {
  deadlines_.remove(at->second.deadline, at->first);
  if (auto* answer = std::get_if<wire::Answer>(&reply)) {
    Response& response = std::get<Response>(*answer);
    response.served_by = {.id = turn.core.options.name, .role = role_name(turn.core.raft)};
    response.behind_ms = behind_ms(turn.core.raft, turn.now);
  }
  admission_.answer(turn, at->second.handle,
                    at->second.consistent ? Waits::for_majority : Waits::locally, std::move(reply));
  open_.erase(at);
}

void Reads::connection_closed(Turn& turn, std::uint64_t connection) {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto here = at++;
    if (here->second.handle.connection == connection)
      give_up(turn, here, timeout_reply(TimeoutReason::withdrawn));
  }
}

void Reads::stop(Turn& turn) {
  while (!open_.empty())
    give_up(turn, open_.begin(), refuse(Errc::unavailable, "this node is stopping: ask another"));
}

}  // namespace causeway::node
