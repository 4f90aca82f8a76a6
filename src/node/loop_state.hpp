// What the loop is made of: the parts, and what passes between them.
//
// loop.cpp routes what comes in; loop_reports.cpp passes on what disks, applier and consensus say;
// loop_life.cpp makes it, starts it and ends it.
#pragma once

#include <cstdint>

#include "node/admission.hpp"
#include "node/core.hpp"
#include "node/inquiries.hpp"
#include "node/journal_disk.hpp"
#include "node/loop.hpp"
#include "node/notices.hpp"
#include "node/offline.hpp"
#include "node/peers.hpp"
#include "node/pending_gate.hpp"
#include "node/raft_disk.hpp"
#include "node/reads.hpp"
#include "node/settling.hpp"
#include "node/writes.hpp"

namespace causeway::node {

struct Loop::State {
  State(Options options, Recovered recovered, kv::AppliedPosition applied, Stamp greatest_stamp,
        Random random, const Now& now);

  // One overload for each input.
  void on(Turn& turn, CallArrived& input);
  void on(Turn& turn, ConnectionClosed& input);
  void on(Turn& turn, PeerDialled& input);
  void on(Turn& turn, PeerGreeted& input) { peers.greeted(turn, input.peer, input.reply); }
  void on(Turn& turn, PeerLost& input) { peers.lost(turn, input.peer); }
  void on(Turn& turn, LinkHello& input);
  void on(Turn& turn, LinkMessage& input) {
    peers.message(turn, input.link, std::move(input.message));
  }
  void on(Turn&, LinkLost& input) { peers.link_lost(input.link); }
  void on(Turn& turn, RaftLogReport& input);
  void on(Turn& turn, JournalReport& input);
  void on(Turn& turn, ApplierReport& input);
  void on(Turn& turn, IdentityWritten&) { turn.out.restart = true; }
  void on(Turn& turn, Tick&);
  void on(Turn& turn, StopAsked&);

  void journal_grew(Turn& turn);
  void applied(Turn& turn, kv::Applied& applied);
  void started(Turn& turn, const kv::StartResult& result);
  void propose_start(Turn& turn);
  void start_dropped(Turn& turn, consensus::Dropped why);
  void serve(Turn& turn, kv::SettledState state);
  void pass_on_gate(Turn& turn);
  bool pass_on_raft(Turn& turn);
  void follow_clock(Turn& turn);
  void continue_recovery(Turn& turn);
  void continue_stop(Turn& turn);

  Core core;
  LogIndex recovery_target;  ///< applied up to here, the node is as it was before its last end
  bool asked_standing = false;
  std::uint64_t start_proposal =
      0;  ///< the start record on its way to the log; 0: none, or it is there
  std::uint64_t proposed_number = 0;    ///< of that record
  Instant start_at = Instant::never();  ///< propose it again then
  Instant stop_by = Instant::never();

  Admission admission;
  PendingGate gate;
  Peers peers;
  RaftDisk raft_disk;
  JournalDisk journal_disk;
  Writes writes;
  Reads reads;
  Offline offline;
  Settling settling;
  Inquiries inquiries;
  Notices notices;
};

}  // namespace causeway::node
