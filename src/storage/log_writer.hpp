// The log thread's step object: takes what has piled up while the disk was busy, and makes it
// durable with one sync.
//
// A sync costs a hundred microseconds and more on the disks we run on, whatever it covers. One per
// record would bound a node to a few thousand writes a second; so all appends that one step is
// given share one, and small ones share a batch. The host drives it from a thread of its own, the
// simulator from its schedule: neither decides anything here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/blob.hpp"
#include "storage/segmented_log.hpp"
#include <causeway/result.hpp>

namespace causeway::storage {

/// A record that owns its bytes. The small part that is made anew for each log (`head`) stands
/// inline, the value's bytes are shared; on disk one follows the other.
struct LogRecord {
  static constexpr std::size_t kHeadBytesMax = 64;

  std::uint8_t type = 0;
  std::uint8_t head_bytes = 0;
  std::array<char, kHeadBytesMax> head{};
  Blob body;

  /// `head` must have at most kHeadBytesMax bytes.
  static LogRecord make(std::uint8_t type, std::string_view head, Blob body);
  [[nodiscard]] std::string_view head_view() const { return {head.data(), head_bytes}; }
  friend bool operator==(const LogRecord& a, const LogRecord& b) {
    return a.type == b.type && a.head_view() == b.head_view() && a.body == b.body;
  }
};

// ---- inputs

/// Append these records; `Durable` with this ticket or a later one says that they are safe.
struct Append {
  std::uint64_t ticket = 0;  ///< ascending over the life of the writer, from 1
  std::uint64_t key = 0;     ///< as for SegmentedLog::append
  std::vector<LogRecord> records;
  Space space = Space::ordinary;
  friend bool operator==(const Append&, const Append&) = default;
};

/// Read whole batches from the one that holds `key` on. What the reader must filter:
/// SegmentedLog::read_from.
struct Fetch {
  std::uint64_t tag = 0;  ///< comes back in `Fetched`
  std::uint64_t key = 0;
  std::size_t bytes_max = 0;
  friend bool operator==(const Fetch&, const Fetch&) = default;
};

/// Begin a new segment, between the appends before and behind it.
struct Roll {
  friend bool operator==(const Roll&, const Roll&) = default;
};

/// Remove this segment, which must be the oldest then and not the newest; done after this step's
/// sync, and not at all in a step that refuses an append: ask again. One that is gone already:
/// nothing.
struct DropSegment {
  std::uint64_t number = 0;
  friend bool operator==(const DropSegment&, const DropSegment&) = default;
};

using LogInput = std::variant<Append, Fetch, Roll, DropSegment>;

// ---- effects

/// All appends up to this ticket that were not refused are durable.
struct Durable {
  std::uint64_t ticket = 0;
  friend bool operator==(const Durable&, const Durable&) = default;
};

/// Neither this append nor any later one is or will be in the log, which stays usable, until an
/// append with this very ticket comes again: what was sent before its owner heard of this must not
/// leave a gap. Whether to tell the callers, to drop something, or to try again (a vote, with
/// `Space::vital`), the owner decides.
/// Ticket 0: it was a `Roll`.
struct Refused {
  std::uint64_t first_ticket = 0;
  Error error;                  ///< disk_full or too_large
  std::vector<Append> appends;  ///< what this step was given and did not write, in order
  friend bool operator==(const Refused& a, const Refused& b) {
    return a.first_ticket == b.first_ticket && a.error.code == b.error.code;
  }
};

struct FetchedRecord {
  std::uint8_t type = 0;
  std::uint64_t key = 0;  ///< of its batch
  Blob body;              ///< head and body as appended, in one
  friend bool operator==(const FetchedRecord&, const FetchedRecord&) = default;
};

struct Fetched {
  std::uint64_t tag = 0;
  std::vector<FetchedRecord> records;
  bool reached_end = false;
  friend bool operator==(const Fetched&, const Fetched&) = default;
};

/// A segment began or went. Oldest first.
struct SegmentsChanged {
  std::vector<SegmentInfo> segments;
  friend bool operator==(const SegmentsChanged&, const SegmentsChanged&) = default;
};

/// Final: the log cannot be trusted or written any more (failed write or sync, damage found while
/// reading). It is the last effect of its step, and the only one of every later step; what no
/// `Durable` names is not durable.
struct Failed {
  Error error;
  friend bool operator==(const Failed& a, const Failed& b) { return a.error.code == b.error.code; }
};

using LogEffect = std::variant<Durable, Refused, Fetched, SegmentsChanged, Failed>;
using LogEffects = std::vector<LogEffect>;

/// One line each, for traces.
[[nodiscard]] std::string to_text(const LogInput& input);
[[nodiscard]] std::string to_text(const LogEffect& effect);

/// Owned by the log thread. Invariant: a ticket is reported durable only after a successful sync
/// that covers it.
class LogWriter {
 public:
  explicit LogWriter(SegmentedLog log) : log_(std::move(log)) {}

  /// Appends in order, merged into batches; one sync; drops; then fetches, which see this step's
  /// appends.
  /// Appends to `out`, in this order: Durable, Refused, SegmentsChanged, Fetched...; Failed
  /// wherever it ends.
  void step(std::vector<LogInput>&& inputs, LogEffects& out);

  [[nodiscard]] const SegmentedLog& log() const { return log_; }

 private:
  struct Progress;

  void gather(const Append& append, Progress& now);
  void write_gathered(Progress& now);
  void roll(Progress& now);
  void drop(const DropSegment& input);
  void fetch(const Fetch& input, LogEffects& out);
  void note(Result<void> done);
  static void report(const Progress& now, std::vector<LogInput>& inputs, LogEffects& out);

  SegmentedLog log_;
  std::uint64_t refused_from_ = 0;  // the ticket with which appends go on; 0: none was refused
  std::optional<Error> failed_;
  std::vector<RecordView> gathered_;  // of the batch being gathered; empty between steps, reused
};

}  // namespace causeway::storage
