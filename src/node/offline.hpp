// Offline sets and deletes: durable in this node's journal before the answer, no network.
//
// Writes of one key go one at a time: each waits until the one before it is durable. So what a
// write replaces or inherits from is always what the index holds, and a write that a full disk
// refused leaves nothing behind. Writes of different keys share their syncs.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "node/admission.hpp"
#include "node/core.hpp"
#include "node/journal_disk.hpp"

namespace causeway::node {

class Offline {
 public:
  Offline(Admission& admission, JournalDisk& disk) : admission_(admission), disk_(disk) {}

  void arrive(Turn& turn, CallHandle handle, wire::WriteCall call);
  /// What is committed or pending of a key that is to be deleted.
  void found(Turn& turn, const kv::GetResult& result);
  void found(Turn& turn, const kv::FoundPending& found);
  void durable(Turn& turn, const std::vector<Sequence>& writes);
  void refused(Turn& turn, const std::vector<Sequence>& writes);
  /// Begins what became possible. Once a turn, after all that was passed on.
  void run(Turn& turn);
  /// Refuses what has not been accepted yet; what has is answered when it is durable.
  void stop(Turn& turn);

  [[nodiscard]] bool empty() const { return keys_.empty(); }
  /// How many pending writes were replaced by later ones since the last call.
  [[nodiscard]] std::uint64_t take_replaced() { return std::exchange(replaced_, 0); }
  /// All writes through here are durable.
  [[nodiscard]] Sequence durable_through(const Core& core) const;

 private:
  struct Request {
    CallHandle handle;
    Blob value;
    bool deleted = false;
    bool was_there = false;
    std::size_t bytes = 0;  ///< as they count in open_bytes_
  };
  using Queue = std::deque<Request>;  ///< of one key; the front is being worked on
  using Keys = std::map<std::string, Queue, std::less<>>;
  struct InFlight {
    Keys::iterator key;
    crdt::OfflineWrite write;
  };

  void begin(Turn& turn, Keys::iterator key);
  void find_pending(Turn& turn, Keys::iterator key);
  void accept(Turn& turn, Keys::iterator key, std::optional<crdt::PendingWrite> held);
  void finish(Turn& turn, Keys::iterator key, wire::Reply reply);

  Admission& admission_;
  JournalDisk& disk_;
  Keys keys_;                   ///< keys with writes that are not answered
  std::size_t open_bytes_ = 0;  ///< that these hold: a slow disk lets them pile up
  std::map<std::uint64_t, Keys::iterator> asked_;  ///< question to the applier -> key
  std::vector<Keys::iterator> next_;               ///< keys whose front may begin
  std::uint64_t replaced_ = 0;
  std::map<Sequence, InFlight> in_flight_;  ///< accepted, not durable yet
};

}  // namespace causeway::node
