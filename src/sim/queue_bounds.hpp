// What one node has taken in and not given back, as it is seen from outside, against its limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kv/applier.hpp"
#include "node/loop.hpp"

namespace causeway::sim {

/// queue-bound: at the end of a turn, no more is open than node::Limits says: calls, those that
/// wait for a majority, of the node and of a connection; bytes of consistent and of offline writes;
/// callers' questions and entries at the applier; and bytes of entries are given to it only while
/// there is room (a batch read back from the log is one piece). What waits for a majority leaves
/// places to local calls: a call is refused with `exhausted` only where there is no place for it
/// (of consistent writes this is not judged: a leader's limits count too).
///
/// Calls whose caller has hung up may be held by the node for a while, which nobody sees. They are
/// no part of what is too much; they may be a reason to refuse.
class QueueBounds {
 public:
  explicit QueueBounds(const node::Limits& limits) : limits_(&limits) {}

  void called(const node::CallHandle& handle, const wire::Call& what);
  void closed(std::uint64_t connection);
  void turn(const std::string& node, const node::Effects& effects);
  void applier_done(const std::vector<kv::Output>& outputs);

 private:
  /// Of one call, or of several.
  struct Load {
    std::size_t calls = 0;
    std::size_t waiting = 0;        ///< of these, for a majority
    std::size_t waiting_bytes = 0;  ///< of consistent writes
    std::size_t offline_bytes = 0;
    void add(const Load& other);
    void remove(const Load& other);
  };
  struct Call {
    std::uint64_t connection = 0;
    bool writes_by_majority = false;
    Load load;
  };
  struct Given {
    LogIndex last;
    std::size_t bytes = 0;
  };

  [[nodiscard]] static Load load_of(const wire::Call& call);
  void take_answers(const std::string& node, const std::vector<node::Answered>& answers);
  void end(std::map<std::uint64_t, Call>::iterator call);
  [[nodiscard]] bool has_no_place(const Call& call, const Load& refused) const;
  void judge_calls(const std::string& node);
  void take_question(const std::string& node, const kv::Input& input);
  void take_entries(const std::string& node, const kv::Apply& apply);

  const node::Limits* limits_;
  std::map<std::uint64_t, Call> open_;         ///< by their number
  std::map<std::uint64_t, Load> connections_;  ///< those with open calls
  std::vector<std::uint64_t> grown_;           ///< connections with calls since the last turn
  Load all_;
  Load hung_up_;
  std::size_t questions_ = 0;
  std::optional<LogIndex> applied_;
  std::deque<Given> given_;  ///< to the applier, and not applied
  std::size_t given_bytes_ = 0;
  std::set<std::uint64_t> read_back_;  ///< indices from which on the log was asked for entries
};

}  // namespace causeway::sim
