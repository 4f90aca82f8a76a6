#include "consensus/read_index.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace causeway::consensus {

void ReadIndex::cancel(ReadId id) {
  if (std::erase(fresh_, id) != 0) return;
  for (Round& round : rounds_) {
    if (std::erase(round.own, id) != 0) return;
  }
  for (Asked& asked : asked_) {
    if (std::erase(asked.reads, id) != 0) break;
  }
  std::erase_if(asked_, [](const Asked& asked) { return asked.reads.empty(); });
}

bool ReadIndex::add_remote(Peer peer, std::uint64_t request) {
  const Remote added{peer, request};
  std::size_t of_peer = 0;
  const auto look = [&](const std::vector<Remote>& waiting) {
    of_peer += static_cast<std::size_t>(std::ranges::count(waiting, peer, &Remote::peer));
    return std::ranges::find(waiting, added) != waiting.end();
  };
  if (look(fresh_remote_)) return true;
  for (const Round& round : rounds_) {
    if (look(round.remote)) return true;
  }
  if (of_peer >= kRequestsPerPeerMax) return false;
  fresh_remote_.push_back(added);
  return true;
}

void ReadIndex::forget_remote(Peer peer) {
  const auto of_peer = [peer](const Remote& remote) { return remote.peer == peer; };
  std::erase_if(fresh_remote_, of_peer);
  for (Round& round : rounds_) std::erase_if(round.remote, of_peer);
}

bool ReadIndex::wants_round() const {
  return (!fresh_.empty() || !fresh_remote_.empty()) && rounds_.size() < kUnderWayMax;
}

void ReadIndex::start_round(std::uint64_t round, LogIndex commit_index) {
  rounds_.push_back(
      {round, commit_index, std::exchange(fresh_, {}), std::exchange(fresh_remote_, {})});
}

std::vector<ReadIndex::Remote> ReadIndex::take_remote() {
  std::vector<Remote> all;
  for (Round& round : rounds_) {
    all.insert(all.end(), round.remote.begin(), round.remote.end());
    round.remote.clear();
  }
  all.insert(all.end(), fresh_remote_.begin(), fresh_remote_.end());
  fresh_remote_.clear();
  return all;
}

void ReadIndex::rounds_to_fresh() {
  std::vector<ReadId> waiting;
  for (const Round& round : rounds_)
    waiting.insert(waiting.end(), round.own.begin(), round.own.end());
  rounds_.clear();
  fresh_.insert(fresh_.begin(), waiting.begin(), waiting.end());
}

std::vector<ReadIndexRequest> ReadIndex::take_requests(Peer leader, Term term) {
  if (!fresh_.empty() && asked_.size() < kUnderWayMax) {
    asked_.push_back({++last_request_, std::exchange(fresh_, {}), std::nullopt, {}});
  }
  std::vector<ReadIndexRequest> due;
  for (Asked& asked : asked_) {
    if (asked.leader == leader && asked.term == term) continue;
    asked.leader = leader;
    asked.term = term;
    due.push_back({term, asked.id});
  }
  return due;
}

// Refusals need no action: the request is repeated after a pause, or to the next leader.
void ReadIndex::receive(const ReadIndexReply& reply, Effects& out) {
  if (!reply.accepted) return;
  const auto found = std::ranges::find(asked_, reply.id, &Asked::id);
  if (found == asked_.end()) return;
  for (const ReadId id : found->reads) out.reads.push_back({id, reply.index});
  asked_.erase(found);
}

void ReadIndex::take_office() {
  std::vector<ReadId> waiting;
  for (const Asked& asked : asked_)
    waiting.insert(waiting.end(), asked.reads.begin(), asked.reads.end());
  asked_.clear();
  fresh_.insert(fresh_.begin(), waiting.begin(), waiting.end());
}

void ReadIndex::ask_again() {
  for (Asked& asked : asked_) asked.leader.reset();
}

}  // namespace causeway::consensus
