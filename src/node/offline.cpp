#include "node/offline.hpp"

#include <utility>

#include "crdt/dot.hpp"
#include "node/answers.hpp"

namespace causeway::node {

void Offline::arrive(Turn& turn, CallHandle handle, wire::WriteCall call) {
  const std::size_t bytes = call.key.size() + call.value.size();
  if (open_bytes_ + bytes > turn.core.options.limits.offline_bytes_max) {
    turn.out.answers.push_back(
        {handle, refuse(Errc::exhausted,
                        "the offline writes on their way to this node's disk hold too many bytes: "
                        "nothing was done, retry later")});
    return;
  }
  if (!admission_.admit(turn, handle, Waits::locally)) return;
  open_bytes_ += bytes;
  const auto [key, first] = keys_.try_emplace(std::move(call.key));
  key->second.push_back({.handle = handle,
                         .value = std::move(call.value),
                         .deleted = call.op == wire::WriteOp::remove,
                         .bytes = bytes});
  if (first) begin(turn, key);
}

void Offline::begin(Turn& turn, Keys::iterator key) {
  if (!key->second.front().deleted) return find_pending(turn, key);
  const std::uint64_t question = tagged(Asker::offline, turn.core.fresh());
  asked_.emplace(question, key);
  turn.out.applier.push_back(kv::Get{
      .id = question, .key = key->first, .local = turn.core.journal.may_be_pending(key->first)});
}

void Offline::found(Turn& turn, const kv::GetResult& result) {
  const auto asked = asked_.find(result.id);
  if (asked == asked_.end()) return;
  const Keys::iterator key = asked->second;
  asked_.erase(asked);
  key->second.front().was_there = result.value.has_value();
  find_pending(turn, key);
}

void Offline::find_pending(Turn& turn, Keys::iterator key) {
  if (!turn.core.journal.may_be_pending(key->first)) return accept(turn, key, std::nullopt);
  const std::uint64_t question = tagged(Asker::offline, turn.core.fresh());
  asked_.emplace(question, key);
  turn.out.applier.push_back(kv::FindPending{.id = question, .key = key->first});
}

void Offline::found(Turn& turn, const kv::FoundPending& found) {
  const auto asked = asked_.find(found.id);
  if (asked == asked_.end()) return;
  const Keys::iterator key = asked->second;
  asked_.erase(asked);
  accept(turn, key, found.held);
}

void Offline::accept(Turn& turn, Keys::iterator key, std::optional<crdt::PendingWrite> held) {
  Core& core = turn.core;
  Request& request = key->second.front();
  const Stamp stamp = core.clock.next(turn.now.wall, core.raft.log_time_now(turn.now));
  const crdt::Seen seen{.index = core.applied.index, .log_time = core.applied.log_time};
  auto write = core.journal.accept(
      {.key = key->first, .value = std::move(request.value), .deleted = request.deleted}, stamp,
      seen, turn.now, core.options.boot_id, held);
  if (!write)
    return finish(
        turn, key,
        wire::CallError{.error = std::move(write).error(), .leader = {}, .operation = {}});
  disk_.write(write.value());
  const Sequence sequence = write.value().dot.sequence;
  in_flight_.emplace_hint(in_flight_.end(), sequence, InFlight{key, std::move(write).value()});
}

void Offline::durable(Turn& turn, const std::vector<Sequence>& writes) {
  for (const Sequence sequence : writes) {
    auto in_flight = in_flight_.extract(sequence);
    CAUSEWAY_CHECK(!in_flight.empty());
    crdt::OfflineWrite& write = in_flight.mapped().write;
    if (write.replaces.value != 0) ++replaced_;
    Response response;
    response.valid = !write.deleted || in_flight.mapped().key->second.front().was_there;
    response.version = Version{
        .revision = {}, .stamp = write.stamp, .origin = write.dot.origin, .sequence = sequence};
    response.pending = true;
    response.token = crdt::to_string(write.dot);
    turn.out.applier.push_back(
        kv::PutPending{std::move(write)});  // before the answer: whoever has it reads its write
    finish(turn, in_flight.mapped().key, wire::Answer(std::move(response)));
  }
}

void Offline::refused(Turn& turn, const std::vector<Sequence>& writes) {
  for (const Sequence sequence : writes) {
    auto in_flight = in_flight_.extract(sequence);
    CAUSEWAY_CHECK(!in_flight.empty());
    turn.core.journal.undo(in_flight.mapped().write);
    finish(
        turn, in_flight.mapped().key,
        refuse(
            Errc::disk_full,
            "the disk of this node is full: nothing was written. Free space, or ask another node"));
  }
}

void Offline::finish(Turn& turn, Keys::iterator key, wire::Reply reply) {
  admission_.answer(turn, key->second.front().handle, Waits::locally, std::move(reply));
  open_bytes_ -= key->second.front().bytes;
  key->second.pop_front();
  if (key->second.empty()) {
    keys_.erase(key);
  } else {
    next_.push_back(key);
  }
}

void Offline::run(Turn& turn) {
  while (!next_.empty()) {
    const Keys::iterator key = next_.back();
    next_.pop_back();
    begin(turn, key);
  }
}

void Offline::stop(Turn& turn) {
  const auto refuse_all = [&](Queue& queue, std::size_t kept) {
    while (queue.size() > kept) {
      admission_.answer(turn, queue.back().handle, Waits::locally,
                        refuse(Errc::unavailable, "this node is stopping: nothing was written"));
      open_bytes_ -= queue.back().bytes;
      queue.pop_back();
    }
  };
  asked_.clear();
  next_.clear();
  std::map<std::string_view, bool> accepted;
  for (const auto& [sequence, in_flight] : in_flight_) accepted[in_flight.key->first] = true;
  for (auto key = keys_.begin(); key != keys_.end();) {
    const bool keep = accepted.contains(key->first);
    refuse_all(key->second, keep ? 1 : 0);
    key = keep ? std::next(key) : keys_.erase(key);
  }
}

Sequence Offline::durable_through(const Core& core) const {
  return in_flight_.empty() ? core.journal.reached() : in_flight_.begin()->first.previous();
}

}  // namespace causeway::node
