// Which records of a journal's log are live? Exists only between the start of a node and the end of
// its recovery.
//
// The log is a row of records in the order of writing, of which a rewriting (journal.hpp) drops the
// front, file by file: a crash leaves any part of the row that begins with a file, torn at its end.
// In it
//   - a record may stand twice, and behind records with later sequences;
//   - a `Settled` record may stand before or behind the writes that it frees;
//   - a replaced record may stand behind the one that replaced it.
// A record is live when it stands in the log, lies above the greatest `Settled`, and no record in
// the log replaces it. That is the whole truth because a record that stands in the log, replaced,
// always has the one that replaced it there too: `Journal::rewrite_keeps` never lets it be written
// behind that one, and the log loses records at its front only.
//
// Memory: 16 bytes for each live record, at most twice that, and a bit for each replaced one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include <causeway/types.hpp>

namespace causeway::crdt {

/// A set of sequences that lie close together: a bit each.
class SequenceSet {
 public:
  void insert(Sequence sequence);
  [[nodiscard]] bool contains(Sequence sequence) const;

 private:
  static constexpr std::uint64_t kChunkBits = 4096;
  using Chunk = std::array<std::uint64_t, kChunkBits / 64>;
  std::map<std::uint64_t, Chunk> chunks_;
};

class JournalRecovery {
 public:
  struct Live {
    Sequence sequence;
    std::uint32_t slot = 0;  ///< of its key in the filter
    std::uint32_t bytes = 0;
  };
  static_assert(sizeof(Live) == 16);

  void write(const Live& record);
  void replaced(Sequence sequence) { replaced_.insert(sequence); }
  void settled(Sequence through) { settled_through_ = std::max(settled_through_, through); }
  [[nodiscard]] Sequence settled_through() const { return settled_through_; }

  /// The live records by sequence, each once. The object is spent.
  [[nodiscard]] std::vector<Live> finish();

 private:
  void compact();

  std::vector<Live> records_;
  std::size_t compact_at_ = 4096;
  SequenceSet replaced_;
  Sequence settled_through_;
};

}  // namespace causeway::crdt
