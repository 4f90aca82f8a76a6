// What must stay within its bounds, whatever happens (design 3.6).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/observer.hpp"
#include "sim/queue_bounds.hpp"

namespace causeway::sim {

/// Observes a cluster, and looks at it every now and then:
///   - journal-bound: what is pending in a journal never exceeds its limit, and a write is refused
///     for that limit only where it would; the files stay within twice the limit (a MiB, where that
///     is more), then all that is pending is rewritten: once the limit, 512 KiB that come
///     meanwhile, and four segments
///   - queue-bound: as QueueBounds says
///   - state-bound: verdicts not learnt and the list of conflicts stay within kv/limits.hpp
class BoundChecks final : public Observer {
 public:
  BoundChecks(Cluster& cluster, const ClusterSettings& settings);

  void look();
  void finish() override;

  void starting(Peer peer) override;
  void recovered(Peer, const wire::RaftRecord&) override {}
  void recovered(Peer peer, const wire::JournalRecord& record) override { take(peer, record); }
  void turn(Peer peer, const node::Effects& effects) override;
  void journal_done(Peer peer, const storage::LogEffects& effects) override;
  void applier_done(Peer peer, const std::vector<kv::Output>& outputs) override {
    queues_[peer].applier_done(outputs);
  }
  void called(Peer peer, const node::CallHandle& handle, const wire::Call& what) override;
  void closed(Peer peer, std::uint64_t connection) override { queues_[peer].closed(connection); }
  void answered(Peer peer, std::uint64_t call, const wire::Reply& reply) override;

 private:
  /// One directory's, as it is handed out.
  struct Journal {
    std::map<Sequence, std::uint64_t> pending;  ///< bytes of each
    std::uint64_t bytes = 0;                    ///< of all of them
    Sequence settled;                           ///< through this one
    std::set<Sequence> replaced;                ///< of those behind it
    std::uint64_t let_go = 0;  ///< not pending any more; it may still be counted there
    std::map<std::uint64_t, std::uint64_t> asked;  ///< bytes of open calls
  };

  void take(Peer peer, const wire::JournalRecord& record);
  static void let_go(Journal& journal, Sequence sequence);
  void look_at_book(Peer peer);
  void look_at_journal(const Cluster::Name& name);
  void count_conflicts(const Cluster::Name& name) const;
  void count_verdicts(const Cluster::Name& name) const;

  Cluster& cluster_;
  const ClusterSettings& settings_;
  std::vector<Journal> journals_;
  std::vector<QueueBounds> queues_;
  std::uint64_t looks_ = 0;
};

}  // namespace causeway::sim
