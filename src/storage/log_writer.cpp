#include "storage/log_writer.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "storage/segment_format.hpp"

namespace causeway::storage {
namespace {

// Appends are merged up to this size: a reader always gets whole batches, and should not get much
// that it did not ask for.
constexpr std::size_t kMergedBytesMax = std::size_t{256} << 10;

// The append did not happen, and the log is as good as before.
bool is_refusal(const Error& error) {
  return error.code == Errc::disk_full || error.code == Errc::too_large;
}

std::size_t bytes_of(const Append& append) {
  std::size_t bytes = 0;
  for (const LogRecord& record : append.records) {
    bytes += kRecordHeaderBytes + record.head_bytes + record.body.size();
  }
  return bytes;
}

}  // namespace

LogRecord LogRecord::make(std::uint8_t type, std::string_view head, Blob body) {
  CAUSEWAY_CHECK(head.size() <= kHeadBytesMax);
  LogRecord record;
  record.type = type;
  record.head_bytes = static_cast<std::uint8_t>(head.size());
  if (!head.empty()) std::memcpy(record.head.data(), head.data(), head.size());
  record.body = std::move(body);
  return record;
}

// What one step has come to so far.
struct LogWriter::Progress {
  std::uint64_t last_ticket = 0;         // of the last append that stands in the log
  std::optional<std::uint64_t> refused;  // ticket of the first that does not
  Error refusal;
  std::optional<Error> roll_refusal;

  // The batch being gathered:
  std::uint64_t first_ticket = 0;  // 0: nothing gathered
  std::uint64_t gathered_ticket = 0;
  std::uint64_t key = 0;
  std::size_t bytes = 0;
  Space space = Space::ordinary;
};

void LogWriter::step(std::vector<LogInput>&& inputs, LogEffects& out) {
  Progress now;
  const std::uint64_t oldest = log_.oldest_segment();
  const std::uint64_t newest = log_.newest_segment();
  for (const LogInput& input : inputs) {
    if (const auto* append = std::get_if<Append>(&input)) gather(*append, now);
    if (std::holds_alternative<Roll>(input)) roll(now);
  }
  write_gathered(now);
  if (!failed_) note(log_.sync());
  if (now.refused && refused_from_ == 0) refused_from_ = *now.refused;
  if (!failed_) report(now, inputs, out);

  for (const LogInput& input : inputs) {
    // What was to be written further on before this segment goes may be what was refused.
    const auto* drop_input = std::get_if<DropSegment>(&input);
    if (drop_input != nullptr && !now.refused) drop(*drop_input);
  }
  if (!failed_ && (log_.oldest_segment() != oldest || log_.newest_segment() != newest)) {
    out.push_back(SegmentsChanged{.segments = log_.segments()});
  }
  for (const LogInput& input : inputs) {
    if (const auto* fetch_input = std::get_if<Fetch>(&input)) fetch(*fetch_input, out);
  }
  if (failed_) out.push_back(Failed{.error = *failed_});
}

void LogWriter::note(Result<void> done) {
  if (!done) failed_ = std::move(done).error();
}

void LogWriter::report(const Progress& now, std::vector<LogInput>& inputs, LogEffects& out) {
  if (now.last_ticket != 0) out.push_back(Durable{.ticket = now.last_ticket});
  if (now.refused) {
    Refused refused{.first_ticket = *now.refused, .error = now.refusal, .appends = {}};
    for (LogInput& input : inputs) {
      auto* append = std::get_if<Append>(&input);
      if (append != nullptr && append->ticket >= *now.refused)
        refused.appends.push_back(std::move(*append));
    }
    out.push_back(std::move(refused));
  }
  if (now.roll_refusal)
    out.push_back(Refused{.first_ticket = 0, .error = *now.roll_refusal, .appends = {}});
}

// Puts the append into the batch being gathered, after writing that one if the two cannot be one: a
// batch's key is the lowest index in it, so an append that overwrites what the batch holds must
// begin a batch of its own.
void LogWriter::gather(const Append& append, Progress& now) {
  CAUSEWAY_CHECK(append.ticket != 0);
  if (refused_from_ != 0 && append.ticket != refused_from_) {
    if (!now.refused) {  // sent before its owner heard of the refusal
      now.refused = append.ticket;
      now.refusal = {Errc::disk_full, "an append before it was refused"};
    }
    return;
  }
  refused_from_ = 0;
  const std::size_t bytes = bytes_of(append);
  const bool overwrites = append.key != 0 && now.key != 0 && append.key <= now.key;
  const bool other_space = now.first_ticket != 0 && append.space != now.space;
  const bool too_much = now.bytes != 0 && now.bytes + bytes > kMergedBytesMax;
  if (overwrites || other_space || too_much) write_gathered(now);
  if (failed_ || now.refused) return;  // all behind a refused one are refused
  if (now.first_ticket == 0) now.first_ticket = append.ticket;
  now.gathered_ticket = append.ticket;
  if (now.key == 0) now.key = append.key;
  now.bytes += bytes;
  now.space = append.space;
  for (const LogRecord& record : append.records) {
    gathered_.push_back(
        {.type = record.type, .head = record.head_view(), .body = record.body.view()});
  }
}

void LogWriter::write_gathered(Progress& now) {
  if (now.first_ticket == 0) return;
  Result<void> written = log_.append(now.key, gathered_, now.space);
  if (written) {
    now.last_ticket = now.gathered_ticket;
  } else if (is_refusal(written.error())) {
    now.refused = now.first_ticket;
    now.refusal = std::move(written).error();
  } else {
    failed_ = std::move(written).error();
  }
  gathered_.clear();
  now.first_ticket = 0;
  now.key = 0;
  now.bytes = 0;
}

void LogWriter::roll(Progress& now) {
  write_gathered(now);
  if (failed_ || now.refused) return;
  Result<void> rolled = log_.roll();
  if (rolled) return;
  if (is_refusal(rolled.error())) {
    now.roll_refusal = std::move(rolled).error();
  } else {
    failed_ = std::move(rolled).error();
  }
}

void LogWriter::drop(const DropSegment& input) {
  if (failed_ || input.number < log_.oldest_segment()) return;
  CAUSEWAY_CHECK(input.number == log_.oldest_segment());
  CAUSEWAY_CHECK(input.number < log_.newest_segment());
  note(log_.drop_segment(input.number));
}

void LogWriter::fetch(const Fetch& input, LogEffects& out) {
  if (failed_) return;
  Fetched fetched{.tag = input.tag};
  Result<ReadStop> read = log_.read_from(
      input.key, input.bytes_max, [&fetched](const RecordRef& record) -> Result<void> {
        fetched.records.push_back(
            {.type = record.type, .key = record.key, .body = Blob::copy_of(record.body)});
        return success();
      });
  if (!read) {
    failed_ = std::move(read).error();
    return;
  }
  fetched.reached_end = read.value() == ReadStop::end;
  out.push_back(std::move(fetched));
}

}  // namespace causeway::storage
