// The operations of a store, the same for a node inside your process (node.hpp) and for a client of nodes elsewhere (client.hpp).
//
// Outcomes are data: a timeout, a swap that did not match, a superseded write are values in the answers here. Errors (`Result`) are for calls
// that could not be carried out at all. docs/semantics.md holds each promise with an example.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <causeway/options.hpp>
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway {

/// Why `timeout` is set. In all cases: did not happen, and never will.
enum class TimeoutReason : std::uint8_t {
  none,
  budget,     ///< the time given has passed
  withdrawn,  ///< the node or the caller took the call back
  overtaken,  ///< a later offline write of this key through the same node went before it
};

/// Who answered, and as what.
struct ServedBy {
  std::string id;
  std::string role;  ///< leader, follower, candidate, learner
  friend bool operator==(const ServedBy&, const ServedBy&) = default;
};

/// The answer of get, set, swap and remove.
struct Response {
  bool valid =
      false;  ///< get: there is a value; set: done; swap: swapped; remove: the key was there
  bool timeout = false;  ///< did not happen, and never will; `valid` is false then
  std::string value;     ///< get: the value; swap that did not match: the current one

  TimeoutReason reason = TimeoutReason::none;
  bool in_doubt = false;  ///< may or may not have happened: ask `outcome(operation)`
  std::string operation;  ///< names a write that is in doubt
  std::optional<Version>
      version;  ///< get: of what was read; writes: of what was written; mismatch: of what stands there
  bool pending = false;  ///< get: the answer is an offline write that has not settled yet
  bool absent = false;   ///< swap that did not match: the key holds no value
  std::string token;     ///< offline write: its dot, for `await`
  ServedBy served_by;
  std::optional<std::uint64_t>
      behind_ms;  ///< age of the node's last word from a leader; empty: never heard one

  friend bool operator==(const Response&, const Response&) = default;
};

/// What became of an offline write.
struct AwaitResult {
  enum class State : std::uint8_t { pending, won, superseded, rejected, replaced, forgotten };
  State state = State::pending;
  std::optional<Version>
      winner;  ///< won, superseded: the version that stands (its own, or the one that beat it)
  std::string reason;       ///< rejected
  std::string replaced_by;  ///< replaced: the token of the write in its place
  friend bool operator==(const AwaitResult&, const AwaitResult&) = default;
};

/// What became of a consistent write that was in doubt.
struct OutcomeResult {
  enum class State : std::uint8_t { pending, done, mismatch, did_not_happen, forgotten };
  State state = State::pending;
  friend bool operator==(const OutcomeResult&, const OutcomeResult&) = default;
};

/// An offline write that has not settled yet.
struct PendingItem {
  std::string key;
  std::optional<std::string> value;  ///< empty: a delete
  std::string token;
  Stamp stamp;
  friend bool operator==(const PendingItem&, const PendingItem&) = default;
};

struct PendingPage {
  std::vector<PendingItem> items;
  std::string cursor;  ///< empty: that was all
  friend bool operator==(const PendingPage&, const PendingPage&) = default;
};

/// A write that lost, and to what. A value is empty for a delete, or where its bytes were dropped to keep the list within bounds.
struct ConflictItem {
  struct Side {
    std::optional<std::string> value;
    bool dropped = false;
    Version version;
    friend bool operator==(const Side&, const Side&) = default;
  };
  std::string key;
  AwaitResult::State verdict = AwaitResult::State::superseded;
  std::string reason;
  Side lost;
  Side won;
  friend bool operator==(const ConflictItem&, const ConflictItem&) = default;
};

struct ConflictPage {
  std::vector<ConflictItem> items;
  std::string cursor;  ///< empty: that was all
  friend bool operator==(const ConflictPage&, const ConflictPage&) = default;
};

struct MemberInfo {
  std::string id;
  std::string address;
  std::string role;  ///< voter, learner
  bool reachable = false;
  std::optional<std::uint64_t> behind;  ///< entries it lacks, as far as the leader knows
  friend bool operator==(const MemberInfo&, const MemberInfo&) = default;
};

struct VerdictCounts {
  std::uint64_t won = 0;
  std::uint64_t superseded = 0;
  std::uint64_t rejected = 0;
  std::uint64_t replaced = 0;
  friend bool operator==(const VerdictCounts&, const VerdictCounts&) = default;
};

struct Status {
  std::string id;
  Origin origin;
  std::uint64_t cluster = 0;  ///< 0: not formed yet
  std::string role;           ///< leader, follower, candidate, learner
  std::string state;          ///< forming, serving, quarantined
  Term term;
  std::string leader;  ///< empty: none known
  LogIndex commit_index;
  LogIndex applied_index;
  Stamp log_time;
  std::uint64_t pending = 0;
  VerdictCounts verdicts;  ///< of this node's own offline writes, since it started
  std::vector<MemberInfo> members;
  friend bool operator==(const Status&, const Status&) = default;
};

/// Any of the answers above arrives once, on a thread of the store's own; the callback must not block.
template <class T>
using Callback = std::function<void(Result<T>)>;

/// A program takes a `Store&` and works with either kind. All calls may be made from any thread.
class Store {
 public:
  virtual ~Store() = default;

  // Calls that return at once; the answer comes to `done`.
  virtual void get(std::string key, ReadOptions options, Callback<Response> done) = 0;
  virtual void set(std::string key, std::string value, WriteOptions options,
                   Callback<Response> done) = 0;
  /// `old_value` empty: the key must be absent (create).
  virtual void swap(std::string key, std::string new_value, std::optional<std::string> old_value,
                    WriteOptions options, Callback<Response> done) = 0;
  virtual void remove(std::string key, WriteOptions options, Callback<Response> done) = 0;
  /// Waits until the offline write named by `token` is settled, at most `timeout` (empty: for ever; 0: not at all).
  virtual void await(std::string token, std::optional<std::chrono::milliseconds> timeout,
                     Callback<AwaitResult> done) = 0;
  virtual void outcome(std::string operation, std::optional<std::chrono::milliseconds> timeout,
                       Callback<OutcomeResult> done) = 0;
  virtual void pending(std::size_t limit, std::string cursor, Callback<PendingPage> done) = 0;
  virtual void conflicts(std::size_t limit, std::string cursor, Callback<ConflictPage> done) = 0;
  virtual void status(Callback<Status> done) = 0;

  // The same, waiting for the answer. Not to be called from a callback.
  Result<Response> get(std::string key, ReadOptions options = {});
  Result<Response> set(std::string key, std::string value, WriteOptions options = {});
  Result<Response> swap(std::string key, std::string new_value,
                        std::optional<std::string> old_value, WriteOptions options = {});
  Result<Response> remove(std::string key, WriteOptions options = {});
  Result<AwaitResult> await(std::string token,
                            std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  Result<OutcomeResult> outcome(std::string operation,
                                std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  Result<PendingPage> pending(std::size_t limit = 100, std::string cursor = {});
  Result<ConflictPage> conflicts(std::size_t limit = 100, std::string cursor = {});
  Result<Status> status();
};

}  // namespace causeway
