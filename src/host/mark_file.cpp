#include "host/mark_file.hpp"

#include <algorithm>
#include <string>

#include "wire/log_record.hpp"

namespace causeway::host {

Result<MarkFile> MarkFile::open(storage::Disk& disk) {
  CAUSEWAY_TRY(opened, disk.open("mark", storage::OpenMode::either));
  MarkFile marks(std::move(opened));
  char bytes[2 * wire::kMarkSlotBytes] = {};
  CAUSEWAY_TRY(size, marks.file_->read_at(0, bytes, sizeof bytes));
  if (size < sizeof bytes) {
    // Takes the file's only block now: a mark must not fail later because the disk is full.
    CAUSEWAY_TRY(marks.file_->write_at(size, std::string(sizeof bytes - size, '\0')));
  }
  for (std::size_t slot = 0; slot < 2; ++slot) {
    if (size < (slot + 1) * wire::kMarkSlotBytes) break;
    const auto read =
        wire::decode_mark_slot({bytes + slot * wire::kMarkSlotBytes, wire::kMarkSlotBytes});
    if (!read) continue;  // torn: the other slot holds
    marks.found_ = std::max(marks.found_.value_or(LogIndex{}), read.value().mark);
    if (read.value().generation >= marks.generation_) {
      marks.generation_ = read.value().generation;
      marks.next_slot_ = 1 - slot;
    }
  }
  return marks;
}

Result<void> MarkFile::write(LogIndex mark) {
  const std::string slot = wire::encode_mark_slot(generation_ + 1, mark);
  CAUSEWAY_TRY(file_->write_at(next_slot_ * wire::kMarkSlotBytes, slot));
  ++generation_;
  next_slot_ = 1 - next_slot_;
  return success();
}

}  // namespace causeway::host
