// What can be seen of a run: checkers judge it, the trace writes it down.
//
// Observers change nothing. Each is told everything, in the order in which it happens; one whose
// rule is broken throws Violation, and that ends the run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/loop.hpp"
#include "sim/network.hpp"
#include "wire/log_record.hpp"
#include <causeway/result.hpp>

namespace causeway::sim {

enum class Death : std::uint8_t {
  kill,      ///< of the process: what was written is there
  power,     ///< of the machine: what was not synced is gone, or torn
  wipe,      ///< the directory is new, and so is its origin
  old_copy,  ///< the directory is an earlier image of itself
};

class Observer {
 public:
  virtual ~Observer() = default;

  // ---- the life of a machine

  /// It begins to recover: each record of its logs follows, then `started`, or nothing more if it
  /// refuses to start.
  virtual void starting(Peer) {}
  virtual void recovered(Peer, const wire::RaftRecord&) {}
  virtual void recovered(Peer, const wire::JournalRecord&) {}
  virtual void started(Peer) {}
  virtual void ready(Peer) {}
  virtual void died(Peer, Death) {}
  /// By itself: it failed (then with an error), stopped, or starts again under a new origin.
  virtual void ended(Peer, const std::optional<Error>&) {}

  // ---- what it does

  /// All that one turn of its loop asks for, before any of it is done.
  virtual void turn(Peer, const node::Effects&) {}
  /// One step of a log's writer, before it is done, and what it reports.
  virtual void raft_log_step(Peer, const std::vector<storage::LogInput>&) {}
  virtual void raft_log_done(Peer, const storage::LogEffects&) {}
  virtual void journal_step(Peer, const std::vector<storage::LogInput>&) {}
  virtual void journal_done(Peer, const storage::LogEffects&) {}
  /// Entries that it is about to apply, and what came of them.
  virtual void applying(Peer, const kv::Apply&) {}
  virtual void applied(Peer, const kv::Applied&) {}
  /// One step of its applier, all that it gives: what it was given before is handled.
  virtual void applier_done(Peer, const std::vector<kv::Output>&) {}

  // ---- the network

  virtual void sent(Peer /*from*/, Peer /*to*/, const consensus::Message&) {}
  virtual void delivered(Peer /*from*/, Peer /*to*/, const consensus::Message&) {}
  /// Another fate of a message: it was lost, doubled, damaged, or came on a dead connection.
  virtual void befell(Peer /*from*/, Peer /*to*/, Network::Fate) {}

  // ---- callers and faults

  virtual void called(Peer, const node::CallHandle&, const wire::Call&) {}
  /// A caller hangs up: nobody hears the answers on this connection any more.
  virtual void closed(Peer, std::uint64_t /*connection*/) {}
  virtual void answered(Peer, std::uint64_t /*call*/, const wire::Reply&) {}
  /// A fault begins or ends, in words.
  virtual void fault(const std::string&) {}

  // ---- the end

  /// All faults are over, the cluster is at rest: what only the whole shows is judged.
  virtual void finish() {}
};

}  // namespace causeway::sim
