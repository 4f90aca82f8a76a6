// The log thread's step: groups, tickets, refusals, and the end after a failure.
#include "storage/log_writer.hpp"

#include <doctest/doctest.h>

#include "storage/log_fixture.hpp"

using namespace causeway;
using namespace causeway::storage;
using namespace causeway::testing;

namespace {

LogRecord record(std::string_view head, std::string_view body = {}) {
  return LogRecord::make(1, head, Blob::copy_of(body));
}

Append append(std::uint64_t ticket, std::uint64_t key, std::string_view body) {
  return {.ticket = ticket, .key = key, .records = {record("", body)}};
}

template <class... Inputs>
LogEffects step(LogWriter& writer, Inputs... inputs) {
  std::vector<LogInput> list;
  (list.push_back(std::move(inputs)), ...);
  LogEffects out;
  writer.step(std::move(list), out);
  return out;
}

std::string text(const LogEffects& effects) {
  std::string all;
  for (const LogEffect& effect : effects) all += to_text(effect) + '\n';
  return all;
}

std::vector<std::string> bodies(const Fetched& fetched) {
  std::vector<std::string> all;
  for (const FetchedRecord& one : fetched.records) all.emplace_back(one.body.view());
  return all;
}

}  // namespace

TEST_CASE(
    "all appends of a step go to disk as one batch with one sync, and the greatest ticket is "
    "reported") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  const std::uint64_t writes = disk.writes();
  const std::uint64_t syncs = disk.syncs();
  const LogEffects out =
      step(writer, append(1, 10, "ten"), append(2, 0, "a vote"), append(3, 11, "eleven"),
           Append{.ticket = 4, .key = 12, .records = {record("head of ", "twelve"), record("13")}});
  CHECK(out == LogEffects{Durable{.ticket = 4}});
  CHECK(disk.writes() == writes + 1);
  CHECK(disk.syncs() == syncs + 1);
  const Opened opened = open_log(disk);
  CHECK(opened.bodies() ==
        std::vector<std::string>{"ten", "a vote", "eleven", "head of twelve", "13"});
  CHECK(opened.seen.back().key == 10);
}

TEST_CASE(
    "a step without anything to write costs no sync; an append without records reports what was "
    "before it") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  const std::uint64_t syncs = disk.syncs();
  CHECK(step(writer).empty());
  CHECK(step(writer, Append{.ticket = 1}) == LogEffects{Durable{.ticket = 1}});
  CHECK(disk.syncs() == syncs);
}

TEST_CASE("an append that overwrites begins a batch of its own, in the same group") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  const std::uint64_t syncs = disk.syncs();
  step(writer, append(1, 5, "5"), append(2, 6, "6"), append(3, 5, "5 again"),
       append(4, 6, "6 again"));
  CHECK(disk.syncs() == syncs + 1);
  const LogEffects out = step(writer, Fetch{.tag = 7, .key = 5, .bytes_max = 1000});
  REQUIRE(out.size() == 1);
  const auto& fetched = std::get<Fetched>(out[0]);
  CHECK(fetched.tag == 7);
  CHECK(fetched.reached_end);
  CHECK(bodies(fetched) == std::vector<std::string>{"5 again", "6 again"});
}

TEST_CASE("large groups become several batches, still with one sync") {
  MemDisk disk;
  LogWriter writer(must_open(disk, small_segments(4 << 20)));
  const std::uint64_t syncs = disk.syncs();
  const std::uint64_t writes = disk.writes();
  std::vector<LogInput> inputs;
  for (std::uint64_t i = 1; i <= 20; ++i) inputs.push_back(append(i, i, std::string(50000, 'x')));
  LogEffects out;
  writer.step(std::move(inputs), out);
  CHECK(out == LogEffects{Durable{.ticket = 20}});
  CHECK(disk.syncs() == syncs + 1);
  CHECK(disk.writes() == writes + 4);
}

TEST_CASE("fetches see the appends of their step, whole batches, and whether the end was reached") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  for (std::uint64_t i = 1; i <= 3; ++i) step(writer, append(i, i, body_of(i)));
  const LogEffects out =
      step(writer, Fetch{.tag = 1, .key = 2, .bytes_max = 1}, append(4, 4, body_of(4)),
           Fetch{.tag = 2, .key = 3, .bytes_max = 1 << 20});
  REQUIRE(out.size() == 3);
  CHECK(std::get<Durable>(out[0]).ticket == 4);
  CHECK(bodies(std::get<Fetched>(out[1])) == std::vector<std::string>{body_of(2)});
  CHECK_FALSE(std::get<Fetched>(out[1]).reached_end);
  CHECK(bodies(std::get<Fetched>(out[2])) == std::vector<std::string>{body_of(3), body_of(4)});
  CHECK(std::get<Fetched>(out[2]).reached_end);
}

TEST_CASE("segments that begin and go are reported, and a drop waits for the sync of its step") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  CHECK(text(step(writer, append(1, 1, "one"), Roll{}, append(2, 2, "two"))) ==
        "durable ticket=2\nsegments 1:4152 bytes, keys 1..1; 2:4152 bytes, keys 2..2;\n");
  const LogEffects dropped = step(writer, DropSegment{.number = 1}, append(3, 3, "one, kept"));
  REQUIRE(dropped.size() == 2);
  CHECK(std::get<SegmentsChanged>(dropped[1]).segments.size() == 1);
  CHECK(step(writer, DropSegment{.number = 1}).empty());  // gone already
  CHECK(open_log(disk).bodies() == std::vector<std::string>{"two", "one, kept"});

  // A crash at any operation of such a step loses nothing: the record stands in one place or the
  // other.
  for (std::uint64_t nth = 1; nth < 8; ++nth) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      MemDisk other;
      LogWriter crashing(must_open(other));
      step(crashing, append(1, 1, "kept"), Roll{}, append(2, 2, "two"));
      other.power_off(nth);
      step(crashing, DropSegment{.number = 1}, append(3, 3, "kept"));
      Random random(seed);
      other.crash(random);
      const std::vector<std::string> after = open_log(other).bodies();
      CHECK(std::count(after.begin(), after.end(), "kept") >= 1);
      CHECK(std::count(after.begin(), after.end(), "two") == 1);
    }
  }
}

TEST_CASE(
    "disk full: what was written is durable, the rest is refused with no trace, and space brings "
    "it back") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  step(writer, append(1, 1, body_of(1)));
  disk.set_capacity(disk.bytes());
  const LogEffects out =
      step(writer, append(2, 2, body_of(2)),
           Append{.ticket = 3, .key = 2, .records = {record("", std::string(5000, 'x'))}},
           append(4, 3, body_of(3)), DropSegment{.number = 1}, Fetch{.tag = 1, .bytes_max = 1000});
  REQUIRE(out.size() == 3);
  CHECK(out[0] == LogEffect{Durable{.ticket = 2}});
  CHECK(out[1] == LogEffect{Refused{.first_ticket = 3, .error = {Errc::disk_full, ""}}});
  CHECK(std::get<Fetched>(out[2]).records.size() == 2);
  CHECK(step(writer, Roll{}) ==
        LogEffects{Refused{.first_ticket = 0, .error = {Errc::disk_full, ""}}});
  Append vote{.ticket = 3, .records = {record("vote")}, .space = Space::vital};
  CHECK(step(writer, vote) == LogEffects{Durable{.ticket = 3}});
  disk.set_capacity(UINT64_MAX);
  CHECK(step(writer, append(4, 2, std::string(5000, 'y'))).front() ==
        LogEffect{Durable{.ticket = 4}});
  CHECK(open_log(disk).bodies() ==
        std::vector<std::string>{body_of(1), body_of(2), "vote", std::string(5000, 'y')});
}

TEST_CASE("disk full: an ordinary append does not get at the vital space beside a vital one") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  disk.set_capacity(disk.bytes());
  std::uint64_t ticket = 1;
  while (step(writer, append(ticket, 0, std::string(100, 'x'))) ==
         LogEffects{Durable{.ticket = ticket}}) {
    ++ticket;
  }
  Append vote{.ticket = ticket + 1, .records = {record("vote")}, .space = Space::vital};
  CHECK(step(writer, append(ticket, 0, std::string(100, 'x')), vote) ==
        LogEffects{Refused{.first_ticket = ticket, .error = {Errc::disk_full, ""}}});
  vote.ticket = ticket;
  CHECK(step(writer, vote) == LogEffects{Durable{.ticket = ticket}});
}

TEST_CASE("a record over the limit is refused, not written") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  const LogEffects out = step(writer, append(1, 1, std::string(kRecordBytesMax + 1, 'x')));
  CHECK(out == LogEffects{Refused{.first_ticket = 1, .error = {Errc::too_large, ""}}});
  CHECK(step(writer, append(1, 1, "one")) == LogEffects{Durable{.ticket = 1}});
}

TEST_CASE("a failed sync is final: nothing of that step is durable, and every later step says so") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  step(writer, append(1, 1, "one"));
  disk.fail_sync(1);
  const LogEffects failed{Failed{.error = {Errc::io, ""}}};
  CHECK(step(writer, append(2, 2, "two")) == failed);
  CHECK(step(writer, append(3, 3, "three")) == failed);
  CHECK(step(writer, Fetch{.tag = 1}, Roll{}) == failed);
  CHECK(step(writer) == failed);
}

TEST_CASE("damage found by a fetch is final, and does not take back what the step made durable") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  step(writer, append(1, 1, "one"));
  step(writer, append(2, 2, "two"));
  disk.flip_bit(segment_name(1), kSegmentHeaderBytes + 50, 0);
  const LogEffects out =
      step(writer, append(3, 3, "three"), Fetch{.tag = 1, .key = 1, .bytes_max = 1000});
  CHECK(out == LogEffects{Durable{.ticket = 3}, Failed{.error = {Errc::corrupt, ""}}});
  CHECK(names_place(std::get<Failed>(out[1]).error, segment_name(1), kSegmentHeaderBytes));
  CHECK(step(writer, append(4, 4, "four")) == LogEffects{Failed{.error = {Errc::corrupt, ""}}});
}

TEST_CASE("each input and effect has one line of text") {
  CHECK(to_text(LogInput{append(1, 2, "x")}) == "append ticket=1 key=2 records=1");
  CHECK(to_text(LogInput{Fetch{.tag = 1, .key = 2, .bytes_max = 3}}) ==
        "fetch tag=1 key=2 bytes_max=3");
  CHECK(to_text(LogInput{Roll{}}) == "roll");
  CHECK(to_text(LogInput{DropSegment{.number = 4}}) == "drop segment=4");
  CHECK(to_text(LogEffect{Failed{.error = {Errc::io, "why"}}}) == "failed: io (why)");
  CHECK(to_text(LogEffect{Refused{.first_ticket = 3, .error = {Errc::disk_full, "why"}}}) ==
        "refused from ticket=3: disk_full (why)");
  CHECK(to_text(LogEffect{Fetched{.tag = 1, .reached_end = true}}) ==
        "fetched tag=1 records=0 end");
}

TEST_CASE(
    "behind a refused append nothing is written, in later steps either, until that very append "
    "comes again: there is no gap") {
  MemDisk disk;
  LogWriter writer(must_open(disk));
  CHECK(step(writer, append(1, 1, "one")) == LogEffects{Durable{.ticket = 1}});
  const std::string huge(std::size_t{20} << 20, 'x');  // refused, whatever space there is
  LogEffects out = step(writer, append(2, 2, huge), append(3, 3, "three"));
  REQUIRE(out.size() == 1);
  const auto refused = std::get<Refused>(out[0]);
  CHECK(refused.first_ticket == 2);
  REQUIRE(refused.appends.size() == 2);
  CHECK(refused.appends[1].records[0].body.view() == "three");

  // Sent before its owner heard of the refusal.
  out = step(writer, append(4, 4, "four"));
  REQUIRE(out.size() == 1);
  CHECK(std::get<Refused>(out[0]).first_ticket == 4);
  CHECK(std::get<Refused>(out[0]).appends.size() == 1);

  CHECK(step(writer, append(2, 2, "two"), append(3, 3, "three")) ==
        LogEffects{Durable{.ticket = 3}});
  CHECK(step(writer, append(4, 4, "four")) == LogEffects{Durable{.ticket = 4}});
  CHECK(open_log(disk).bodies() == std::vector<std::string>{"one", "two", "three", "four"});
}
