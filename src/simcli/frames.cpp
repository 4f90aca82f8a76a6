#include "simcli/frames.hpp"

#include "base/bytes.hpp"

namespace causeway::simcli {
namespace {

constexpr std::size_t kHeadBytes = 5;

}  // namespace

std::string encode_frame(FrameKind kind, std::string_view body) {
  std::string frame;
  ByteWriter out(frame);
  out.u8(static_cast<std::uint8_t>(kind));
  out.sized(body);
  return frame;
}

bool take_frame(std::string_view& bytes, FrameKind& kind, std::string_view& body) {
  if (bytes.size() < kHeadBytes) return false;
  ByteReader in(bytes);
  kind = static_cast<FrameKind>(in.u8());
  body = in.sized();
  if (!in.ok()) return false;
  bytes.remove_prefix(kHeadBytes + body.size());
  return true;
}

std::string encode(const Outcome& outcome) {
  const sim::Report& report = outcome.report;
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(report.failure ? 1 : 0);
  if (report.failure) {
    out.sized(report.failure->invariant);
    out.sized(report.failure->detail);
  }
  out.u64(report.trace_hash);
  out.u64(static_cast<std::uint64_t>(report.virtual_time.count()));
  out.u64(report.events);
  out.u64(report.operations);
  out.u64(report.offline_writes);
  for (const std::uint64_t count : report.struck) out.u64(count);
  out.u64(static_cast<std::uint64_t>(outcome.took.count()));
  out.sized(outcome.tail);
  return bytes;
}

bool decode(std::string_view body, Outcome& outcome) {
  sim::Report& report = outcome.report;
  ByteReader in(body);
  if (in.u8() != 0) {
    const std::string invariant(in.sized());
    report.failure = {invariant, std::string(in.sized())};
  }
  report.trace_hash = in.u64();
  report.virtual_time = Duration(static_cast<std::int64_t>(in.u64()));
  report.events = in.u64();
  report.operations = in.u64();
  report.offline_writes = in.u64();
  for (std::uint64_t& count : report.struck) count = in.u64();
  outcome.took = std::chrono::nanoseconds(static_cast<std::int64_t>(in.u64()));
  outcome.tail = in.sized();
  return in.done();
}

}  // namespace causeway::simcli
