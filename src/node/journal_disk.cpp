#include "node/journal_disk.hpp"

#include <algorithm>
#include <utility>

#include "wire/log_record.hpp"

namespace causeway::node {
namespace {

constexpr Duration kShrinkPause = std::chrono::seconds(10);

}  // namespace

JournalDisk::JournalDisk(std::vector<storage::SegmentInfo> segments) {
  this->segments({std::move(segments)});
}

void JournalDisk::add(Kind kind, Sequence sequence, wire::RecordType type,
                      const std::string& bytes) {
  records_.push_back(
      storage::LogRecord::make(static_cast<std::uint8_t>(type), {}, Blob::copy_of(bytes)));
  items_.push_back({kind, sequence});
  if (kind == Kind::rewrite) ++rewrites_open_;
  bytes_since_ += bytes.size();
}

void JournalDisk::write(const crdt::OfflineWrite& write) {
  add(Kind::write, write.dot.sequence, wire::RecordType::offline_write, wire::encode(write));
}

void JournalDisk::rewrite(const crdt::OfflineWrite& write) {
  add(Kind::rewrite, write.dot.sequence, wire::RecordType::offline_write, wire::encode(write));
}

void JournalDisk::settled(const crdt::Settled& settled) {
  add(Kind::settled, settled.through, wire::RecordType::settled, wire::encode(settled));
}

void JournalDisk::flush(Turn& turn) {
  // The log refuses all until it is given that ticket again; what is under way comes back first.
  if (refused_from_ != 0) {
    if (!tickets_.empty()) return;
    if (turn.now.mono < retry_at_ && !somebody_waits()) return;
    tickets_given_ = std::exchange(refused_from_, 0) - 1;
    records_.insert(records_.begin(), std::make_move_iterator(again_records_.begin()),
                    std::make_move_iterator(again_records_.end()));
    items_.insert(items_.begin(), again_items_.begin(), again_items_.end());
    again_records_.clear();
    again_items_.clear();
  }
  if (records_.empty()) return;
  tickets_.push_back({++tickets_given_, std::exchange(items_, {})});
  turn.out.journal.push_back(
      storage::Append{.ticket = tickets_given_, .records = std::exchange(records_, {})});
}

// A caller is told at once that the disk is still full.
bool JournalDisk::somebody_waits() const {
  return std::any_of(items_.begin(), items_.end(),
                     [](const Item& item) { return item.kind == Kind::write; });
}

Instant JournalDisk::next_deadline() const {
  const bool waits =
      refused_from_ != 0 && tickets_.empty() && !(again_items_.empty() && items_.empty());
  return waits ? retry_at_ : Instant::never();
}

void JournalDisk::begin_rewrite(const crdt::Settled& position) {
  rewrite_from_ = newest_segment();
  add(Kind::rewrite, position.through, wire::RecordType::settled, wire::encode(position));
}

void JournalDisk::drop_rewritten(Turn& turn) {
  for (const std::uint64_t number : segments_) {
    if (number < rewrite_from_) turn.out.journal.push_back(storage::DropSegment{number});
  }
}

JournalDisk::Durable JournalDisk::durable(std::uint64_t ticket) {
  Durable durable;
  full_ = false;
  while (!tickets_.empty() && tickets_.front().ticket <= ticket) {
    for (const Item& item : tickets_.front().items) {
      switch (item.kind) {
        case Kind::write: durable.writes.push_back(item.sequence); break;
        case Kind::settled: durable.settled.push_back(item.sequence); break;
        case Kind::rewrite: --rewrites_open_; break;
      }
    }
    tickets_.pop_front();
  }
  return durable;
}

std::vector<Sequence> JournalDisk::refused(Turn& turn, storage::Refused refused) {
  std::vector<Sequence> writes;
  for (storage::Append& append : refused.appends) {
    const auto at = std::find_if(tickets_.begin(), tickets_.end(), [&](const Ticket& ticket) {
      return ticket.ticket == append.ticket;
    });
    if (at == tickets_.end()) continue;
    for (std::size_t i = 0; i < at->items.size(); ++i) {
      switch (at->items[i].kind) {
        case Kind::write: writes.push_back(at->items[i].sequence); break;
        case Kind::rewrite: --rewrites_open_; break;
        case Kind::settled:
          again_items_.push_back(at->items[i]);
          again_records_.push_back(std::move(append.records[i]));
          break;
      }
    }
    tickets_.erase(at);
  }
  if (refused_from_ == 0) refused_from_ = refused.first_ticket;
  if (!std::exchange(full_, true))
    turn.log(LogLine::Level::error, "the journal cannot grow: " + refused.error.detail);
  retry_at_ = turn.now.mono + kDiskFullPause;
  shrink_at_ = turn.now.mono + kShrinkPause;
  return writes;
}

void JournalDisk::segments(const storage::SegmentsChanged& changed) {
  const std::uint64_t newest_before = newest_segment();
  bytes_since_ = 0;
  bytes_on_disk_ = 0;
  segments_.clear();
  for (const storage::SegmentInfo& segment : changed.segments) {
    segments_.push_back(segment.number);
    bytes_on_disk_ += segment.bytes;
  }
  if (newest_segment() > newest_before) shrink_at_ = {};
}

}  // namespace causeway::node
