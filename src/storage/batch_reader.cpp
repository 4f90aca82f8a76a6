#include "storage/batch_reader.hpp"

#include <algorithm>

namespace causeway::storage {

Error at_place(std::string_view name, std::uint64_t offset, Error error) {
  error.detail.insert(0, std::string(name) + ", offset " + std::to_string(offset) + ": ");
  return error;
}

Result<std::string_view> read_up_to(File& file, std::string_view name, std::uint64_t offset,
                                    std::size_t size, std::string& buffer) {
  if (buffer.size() < size) buffer.resize(size);
  std::size_t got = 0;
  while (got < size) {
    Result<std::size_t> part = file.read_at(offset + got, buffer.data() + got, size - got);
    if (!part) return at_place(name, offset + got, std::move(part).error());
    if (part.value() == 0) break;
    got += part.value();
  }
  return std::string_view(buffer.data(), got);
}

Result<std::string_view> BatchReader::view(std::uint64_t offset, std::size_t size) {
  const bool held = offset >= held_at_ && offset - held_at_ <= held_.size() &&
                    held_.size() - (offset - held_at_) >= size;
  if (!held) {
    const std::uint64_t left = limit_ - offset;
    const std::size_t wanted =
        std::max<std::size_t>(size, std::min<std::uint64_t>(kChunkBytes, left));
    held_ = {};
    CAUSEWAY_TRY(read, read_up_to(file_, name_, offset, wanted, buffer_));
    held_ = read;
    held_at_ = offset;
  }
  return held_.substr(offset - held_at_,
                      size);  // shorter where the file is shorter than the limit says
}

Result<BatchReader::Found> BatchReader::read_header() {
  if (next_ == limit_) return Found::end;
  if (next_ > limit_ || limit_ - next_ < kBatchHeaderBytes) return Found::bad;
  CAUSEWAY_TRY(bytes, view(next_, kBatchHeaderBytes));
  const DecodedBatchHeader decoded = decode_batch_header(bytes, identity_, next_);
  if (decoded.state == BatchState::newer) return Found::newer;
  if (decoded.state == BatchState::bad) return Found::bad;
  if (limit_ - next_ - kBatchHeaderBytes < decoded.header.body_bytes) return Found::bad;
  header_ = decoded.header;
  return Found::batch;
}

Result<BatchReader::Found> BatchReader::next() {
  CAUSEWAY_TRY(found, read_header());
  if (found != Found::batch) return found;
  // One view over header and body, so that a batch that crosses the chunk's end is read again in
  // one piece.
  CAUSEWAY_TRY(whole, view(next_, kBatchHeaderBytes + header_.body_bytes));
  if (whole.size() < kBatchHeaderBytes) return Found::bad;
  if (!body_matches(header_, whole.substr(kBatchHeaderBytes), identity_, next_)) return Found::bad;
  whole_ = whole;
  offset_ = next_;
  next_ += kBatchHeaderBytes + header_.body_bytes;
  return Found::batch;
}

Result<BatchReader::Found> BatchReader::skip() {
  CAUSEWAY_TRY(found, read_header());
  if (found != Found::batch) return found;
  whole_ = {};
  offset_ = next_;
  next_ += kBatchHeaderBytes + header_.body_bytes;
  return Found::batch;
}

}  // namespace causeway::storage
