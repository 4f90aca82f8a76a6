// Events by hand, for a checker to judge: three machines that never run, and what is told of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/observer.hpp"

namespace causeway::testing {

using consensus::Entry;
using consensus::HardState;
using sim::Peer;
using Records = std::vector<wire::RaftRecord>;

/// The journal is given this record alone.
[[nodiscard]] inline storage::Append to_journal(const wire::JournalRecord& record) {
  const bool write = std::holds_alternative<crdt::OfflineWrite>(record);
  const auto type = write ? wire::RecordType::offline_write : wire::RecordType::settled;
  const std::string bytes = std::visit([](const auto& each) { return wire::encode(each); }, record);
  return {.ticket = 1,
          .records = {
              storage::LogRecord::make(static_cast<std::uint8_t>(type), {}, Blob::copy_of(bytes))}};
}

class HandMade {
 public:
  explicit HandMade(sim::Cluster& cluster, sim::Observer& checks)
      : cluster_(cluster), checks_(checks) {}

  // ---- records

  /// Behind `before`, which may be `{}`; dated a second later.
  static Entry entry(Term term, const Entry& before, const std::string& payload = "x");
  /// Binds all names to their directories, but for those that it bars.
  Entry configuration(Term term, const Entry& before, std::vector<Peer> barred = {});
  HardState vote(Term term, Peer candidate);

  // ---- lives

  void start(Peer peer, const Records& found = {});
  void wipe(Peer peer);

  // ---- one turn each

  void hand_out(Peer peer, const Records& records);
  void say(Peer from, Peer to, consensus::Message message);
  void mark(Peer peer, LogIndex index);
  void apply(Peer peer, const std::vector<Entry>& entries);

  // ---- the disk

  /// What was handed out goes to the disk; `sync` is the whole way.
  void give(Peer peer);
  void durable(Peer peer);
  void refuse(Peer peer);  ///< all of it: it comes again when it is handed out again
  void skip(Peer peer) { ++tickets_[peer]; }  ///< an append that is never given
  void sync(Peer peer) { give(peer), durable(peer); }
  void write(Peer peer, const Records& records) { hand_out(peer, records), sync(peer); }

  // ---- what they say

  void ask_votes(Peer from, Term term);
  void grant(Peer from, Peer to, Term term);
  /// `commit`: empty: as the sender last marked or said.
  void append(Peer from, Peer to, Term term, const Entry& before, std::vector<Entry> entries,
              std::optional<LogIndex> commit = {});
  void acknowledge(Peer from, Peer to, Term term, LogIndex match);

  /// Votes of both, then the opening entry behind `before`, durable at the leader.
  Entry elect(Peer leader, Peer voter, Term term, const Entry& before);

 private:
  sim::Cluster& cluster_;
  sim::Observer& checks_;
  std::map<Peer, std::vector<storage::LogInput>> waiting_;  // handed out
  std::map<Peer, std::vector<storage::LogInput>> given_;    // and with the writer
  std::map<Peer, std::uint64_t> tickets_;
  std::map<Peer, LogIndex> commits_;
};

}  // namespace causeway::testing
