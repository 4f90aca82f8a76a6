// What is written to the journal's log, and who is told when it is durable. Each turn's records
// become one append.
#pragma once

#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "node/core.hpp"

namespace causeway::node {

class JournalDisk {
 public:
  explicit JournalDisk(std::vector<storage::SegmentInfo> segments);

  void write(const crdt::OfflineWrite& write);
  void settled(const crdt::Settled& settled);

  // Keeping the files small: all live records are written once more, then every file that was
  // complete before goes. The newest file stays, whatever is in it, so that nothing depends on
  // where one file ends and the next begins.
  /// Not for a while after a full disk refused something, since writing all once more needs space
  /// first; a segment that could begin since then shows that there is.
  [[nodiscard]] bool can_shrink(Instant now) const {
    return segments_.size() > 2 && now >= shrink_at_;
  }
  void begin_rewrite(const crdt::Settled& position);
  void rewrite(const crdt::OfflineWrite& write);
  /// What was rewritten so far is durable.
  [[nodiscard]] bool rewrites_durable() const { return rewrites_open_ == 0; }
  /// All live records stand in the newest files: removes the others.
  void drop_rewritten(Turn& turn);

  /// Appends what this turn wrote.
  void flush(Turn& turn);

  struct Durable {
    std::vector<Sequence> writes;
    std::vector<Sequence> settled;  ///< through
  };
  [[nodiscard]] Durable durable(std::uint64_t ticket);
  /// The writes that are not and will not be in the log. `settled` records are tried again; a
  /// rewriting ends without effect.
  [[nodiscard]] std::vector<Sequence> refused(Turn& turn, storage::Refused refused);
  void segments(const storage::SegmentsChanged& changed);

  /// What a full disk refused is tried again then.
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] std::uint64_t bytes_on_disk() const { return bytes_on_disk_ + bytes_since_; }

 private:
  enum class Kind : std::uint8_t { write, settled, rewrite };
  struct Item {
    Kind kind;
    Sequence sequence;
  };
  struct Ticket {
    std::uint64_t ticket = 0;
    std::vector<Item> items;
  };
  void add(Kind kind, Sequence sequence, wire::RecordType type, const std::string& bytes);
  [[nodiscard]] bool somebody_waits() const;
  [[nodiscard]] std::uint64_t newest_segment() const {
    return segments_.empty() ? 0 : segments_.back();
  }

  std::vector<storage::LogRecord> records_;  ///< of this turn
  std::vector<Item> items_;
  std::deque<Ticket> tickets_;
  std::uint64_t tickets_given_ = 0;
  std::size_t rewrites_open_ = 0;
  std::uint64_t bytes_on_disk_ = 0;
  std::uint64_t bytes_since_ = 0;  ///< written since the segments were last told
  std::vector<std::uint64_t> segments_;
  std::uint64_t rewrite_from_ = 0;  ///< the newest segment when the rewriting began
  std::uint64_t refused_from_ = 0;  ///< the first ticket that a full disk refused; 0: none
  std::vector<storage::LogRecord> again_records_;  ///< that it refused, older than `records_`
  std::vector<Item> again_items_;
  bool full_ = false;  ///< and nothing was written since
  Instant retry_at_;
  Instant shrink_at_;
};

}  // namespace causeway::node
