// The operations of a store, the same for a node inside your process (node.hpp) and for a client of
// nodes elsewhere (client.hpp).
//
// Outcomes are data: a timeout, a swap that did not match, a superseded write are values in the
// answers here. Errors (`Result`) are for calls that could not be carried out at all.
// docs/semantics.md holds each promise with an example.
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
  /// get: there is a value; set: done; swap: swapped; remove: the key was there
  bool valid = false;
  bool timeout = false;  ///< did not happen, and never will; `valid` is false then
  std::string value;     ///< get: the value; swap that did not match: the current one

  TimeoutReason reason = TimeoutReason::none;
  bool in_doubt = false;  ///< may or may not have happened: ask `outcome(operation)`
  std::string operation;  ///< names a write that is in doubt
  /// get: of what was read; writes: of what was written; mismatch: of what stands there
  std::optional<Version> version;
  bool pending = false;  ///< get: the answer is an offline write that has not settled yet
  bool absent = false;   ///< swap that did not match: the key holds no value
  std::string token;     ///< offline write: its dot, for `await`
  ServedBy served_by;
  /// Age of the node's last word from a leader; empty: never heard one.
  std::optional<std::uint64_t> behind_ms;

  friend bool operator==(const Response&, const Response&) = default;
};

/// What became of an offline write.
struct AwaitResult {
  enum class State : std::uint8_t { pending, won, superseded, rejected, replaced, forgotten };
  State state = State::pending;
  /// won, superseded: the version that stands (its own, or the one that beat it)
  std::optional<Version> winner;
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

/// A write that lost, and to what. A value is empty for a delete, or where its bytes were dropped
/// to keep the list within bounds.
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
  /// voter; learner: also a voter that is not counted, since it was wiped or is an old copy
  std::string role;
  /// As the leader hears it, or, without a leader, as this node does; late by an election timeout.
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

/// Any of the answers above arrives once, on a thread of the store's own; the callback must not
/// block.
template <class T>
using Callback = std::function<void(Result<T>)>;

/// A program takes a `Store&` and works with either kind.
///
/// All calls may be made from any thread. What every one of them may answer as an error, and is not
/// said again below: `invalid` (the detail names the field), `exhausted` (a limit of connections or
/// of waiting calls: nothing was done, retry later), `unavailable` (the node is starting, stopping
/// or cannot serve that; or, for a client, no server was reached: nothing was done).
class Store {
 public:
  virtual ~Store() = default;

  // Calls that return at once; the answer comes to `done`.
  //
  // They may be called from a callback, too.

  /// Reads `key`: what a majority stands behind, or (consistent=false) this node's own newest.
  /// key      1..key_bytes_max bytes, any content
  /// returns  `valid` and `value`; `pending` where it has not settled; or `timeout`
  /// errors   too_large, no_data (consistent=false: the node has never held anything)
  /// thread   any; offline it never waits for the network
  /// promise  docs/semantics.md#consistent-get, #inconsistent-get
  virtual void get(std::string key, ReadOptions options, Callback<Response> done) = 0;

  /// Stores `value` under `key`.
  /// key      1..key_bytes_max bytes, any content
  /// value    0..value_bytes_max bytes, any content
  /// returns  once a majority, or (consistent=false) this node's disk, holds it: `valid` and
  ///          `version`, offline also `token`; or `timeout`, or `in_doubt` with `operation`
  /// errors   too_large; offline: journal_full, disk_full
  /// thread   any; offline it waits for the disk, never for the network
  /// promise  docs/semantics.md#consistent-set, #offline-set, #timeout, #in-doubt
  virtual void set(std::string key, std::string value, WriteOptions options,
                   Callback<Response> done) = 0;

  /// Stores `new_value` under `key` if `old_value` stands there. Consistent only.
  /// key        1..key_bytes_max bytes, any content
  /// new_value  0..value_bytes_max bytes; `old_value` alike, empty: the key must be absent (create)
  /// returns    `valid`: swapped; else `value` (or `absent`) says what stands there and nothing
  ///            changed; or `timeout`, or `in_doubt` with `operation`
  /// errors     too_large; invalid with consistent=false
  /// thread     any
  /// promise    docs/semantics.md#swap
  virtual void swap(std::string key, std::string new_value, std::optional<std::string> old_value,
                    WriteOptions options, Callback<Response> done) = 0;

  /// Deletes `key`; meets other writes as a set does.
  /// key      1..key_bytes_max bytes, any content
  /// returns  as set; `valid` says whether the key was there
  /// errors   as set
  /// thread   as set
  /// promise  docs/semantics.md#delete
  virtual void remove(std::string key, WriteOptions options, Callback<Response> done) = 0;

  /// Waits until an offline write is settled.
  /// token    as `Response::token` gave it; only the node that took the write can tell
  /// timeout  empty: for ever; 0: says how it stands now
  /// returns  its verdict; `pending` when the time has passed
  /// errors   invalid (no token, or a write that this node never took)
  /// thread   any
  /// promise  docs/semantics.md#offline-set, #nothing-is-lost-silently
  virtual void await(std::string token, std::optional<std::chrono::milliseconds> timeout,
                     Callback<AwaitResult> done) = 0;

  /// Tells what became of a consistent write that was in doubt, for good.
  /// operation  as `Response::operation` gave it; only the node that took the write can tell
  /// timeout    as for await
  /// returns    `pending` while nobody can know; `forgotten` when it is too long ago
  /// errors     invalid (no operation, or a write of another node)
  /// thread     any
  /// promise    docs/semantics.md#in-doubt
  virtual void outcome(std::string operation, std::optional<std::chrono::milliseconds> timeout,
                       Callback<OutcomeResult> done) = 0;

  /// Lists this node's offline writes that have not settled, a page at a time.
  /// limit    how many items at most; a page may have fewer
  /// cursor   empty, or `PendingPage::cursor` of the page before
  /// returns  without a majority, too
  /// errors   invalid (a cursor that is not this call's)
  /// thread   any; never waits for the network
  /// promise  docs/semantics.md#offline-set
  virtual void pending(std::size_t limit, std::string cursor, Callback<PendingPage> done) = 0;

  /// Lists the writes that lost, of all nodes, as far as this node has applied the log.
  /// limit    how many items at most; a page may have fewer
  /// cursor   empty, or `ConflictPage::cursor` of the page before
  /// returns  without a majority, too; the newest 1024 are kept
  /// errors   invalid (a cursor that is not this call's)
  /// thread   any; never waits for the network
  /// promise  docs/semantics.md#nothing-is-lost-silently
  virtual void conflicts(std::size_t limit, std::string cursor, Callback<ConflictPage> done) = 0;

  /// Tells how this node is, and how it sees the others.
  /// returns  without a majority, too
  /// thread   any; never waits for the network
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
