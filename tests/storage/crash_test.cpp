// Crashes at every point: all that was acknowledged is there afterwards, and what is there is a
// prefix of what was appended.
#include <doctest/doctest.h>

#include "storage/log_fixture.hpp"

using namespace causeway;
using namespace causeway::storage;
using namespace causeway::testing;

namespace {

// What the log should hold, as its user knows it.
struct Model {
  std::vector<std::string> appended;  // in order; from `dropped` on they may still be in the log
  std::size_t durable = 0;            // so many of them were acknowledged
  std::size_t dropped_at_least = 0;
  std::size_t dropped_at_most = 0;  // more than the above while a drop is under way
  std::uint64_t records = 0;        // ever made: no two are alike
};

// What is recovered must be appended[first, last) with first within what was dropped and last >=
// durable.
void check_recovered(const Opened& opened, Model& model) {
  INFO(opened.error.detail);
  REQUIRE(opened);
  const std::vector<std::string> got = opened.bodies();
  std::size_t first = model.dropped_at_least;
  while (first < model.dropped_at_most && !got.empty() && model.appended[first] != got.front())
    ++first;
  if (got.empty()) first = model.dropped_at_most;
  REQUIRE(first + got.size() <= model.appended.size());
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == model.appended[first + i]);
  REQUIRE(first + got.size() >= model.durable);
  // Everything that was visited counts as durable from here on.
  model.appended.resize(first + got.size());
  model.durable = first + got.size();
  model.dropped_at_least = model.dropped_at_most = first;
}

// Drives the log at random until an operation fails or `steps` are done.
void drive(SegmentedLog& log, Model& model, Random& random, std::uint64_t steps) {
  for (std::uint64_t step = 0; step < steps; ++step) {
    switch (random.below(12)) {
      case 0:
        if (!log.roll()) return;
        break;
      case 1: {
        if (log.segments().size() < 2) break;
        const SegmentInfo oldest = log.segments().front();
        // Keys here are record numbers; the oldest segment's last one is the last that goes.
        const std::size_t gone = oldest.last_key == 0 ? model.dropped_at_least
                                                      : static_cast<std::size_t>(oldest.last_key);
        model.dropped_at_most = gone;
        if (!log.drop_segment(oldest.number)) return;
        model.dropped_at_least = gone;
        break;
      }
      case 2:
      case 3:
      case 4:
        if (!log.sync()) return;
        model.durable = model.appended.size();
        break;
      default: {
        const std::string body =
            body_of(++model.records,
                    static_cast<std::size_t>(random.below(random.below(8) == 0 ? 3000 : 300)));
        model.appended.push_back(body);
        if (!append_one(log, model.appended.size(), body)) return;
      }
    }
  }
}

}  // namespace

TEST_CASE("crash loop: what was acknowledged is there, and what is there is a prefix") {
  std::uint64_t crashes = 0;
  std::uint64_t kept_unsynced = 0;
  std::uint64_t lost_unsynced = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    MemDisk disk;
    Model model;
    for (int round = 0; round < 5; ++round) {
      // The power may also go while the log is being opened and repaired.
      if (random.below(4) == 0) disk.power_off(1 + random.below(8));
      Opened opened = open_log(disk, small_segments(), random.next());
      if (!opened && disk.power_is_off()) {
        disk.crash(random);
        continue;
      }
      check_recovered(opened, model);
      if (random.below(2) == 0) disk.power_off(1 + random.below(60));
      drive(*opened.log, model, random, random.below(50));
      const std::size_t appended = model.appended.size();
      if (random.below(4) == 0) {
        disk.kill();
      } else {
        disk.crash(random);
      }
      ++crashes;
      if (appended == model.durable) continue;
      MemDisk look = disk;
      const Opened after = open_log(look);
      REQUIRE(after);
      (after.seen.size() + model.dropped_at_most > model.durable ? kept_unsynced : lost_unsynced) +=
          1;
    }
    check_recovered(open_log(disk), model);
  }
  // The faults really happened, in both ways.
  CHECK(crashes > 5000);
  CHECK(kept_unsynced > 300);
  CHECK(lost_unsynced > 300);
}

TEST_CASE("crash loop with failing writes, failing syncs and full disks") {
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    MemDisk disk;
    Model model;
    for (int round = 0; round < 4; ++round) {
      Opened opened = open_log(disk, small_segments(), random.next());
      check_recovered(opened, model);
      switch (random.below(4)) {
        case 0: disk.fail_write(1 + random.below(20), Errc::disk_full, random.below(400)); break;
        case 1: disk.fail_write(1 + random.below(20), Errc::io, random.below(400)); break;
        case 2: disk.fail_sync(1 + random.below(10)); break;
        default: disk.set_capacity(disk.bytes() + random.below(9000)); break;
      }
      for (std::uint64_t step = 0; step < 60; ++step) {
        const std::string body =
            body_of(++model.records, static_cast<std::size_t>(random.below(400)));
        const Result<void> done = append_one(*opened.log, model.appended.size() + 1, body);
        if (done) {
          model.appended.push_back(body);
        } else if (done.error().code == Errc::disk_full) {
          ++refused;  // not in the model: it must never come back
          if (random.below(3) == 0) disk.set_capacity(UINT64_MAX);
        } else {
          model.appended.push_back(body);  // nobody knows
          break;
        }
        if (random.below(4) == 0) {
          if (!opened.log->sync()) break;
          model.durable = model.appended.size();
        }
      }
      disk.fail_write(0, Errc::io);
      disk.fail_sync(0);
      // A restart of the process alone is the worst for a failed sync: the lost pages still look
      // fine.
      if (random.below(2) == 0) {
        disk.kill();
        check_recovered(open_log(disk, small_segments(), random.next()), model);
      }
      disk.crash(random);
      disk.set_capacity(UINT64_MAX);
    }
    check_recovered(open_log(disk), model);
  }
  CHECK(refused > 500);
}

TEST_CASE(
    "a failed sync, a restart that still sees the lost pages, then a power loss: nothing that was "
    "recovered is lost") {
  // Read faults too: what is written again must be what was recovered.
  for (std::uint64_t misread = 0; misread < 12; ++misread) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      CAPTURE(misread);
      CAPTURE(seed);
      MemDisk disk;
      {
        SegmentedLog log = must_open(disk);
        REQUIRE(append_one(log, 1, body_of(1)));
        REQUIRE(log.sync());
        REQUIRE(append_one(log, 2, body_of(2)));
        REQUIRE(append_one(log, 3, body_of(3, 3000)));
        disk.fail_sync(1);
        CHECK_FALSE(log.sync());
      }
      disk.kill();
      disk.misdirect_read(misread, 512);
      const Opened opened = open_log(disk);
      CHECK((opened || misread != 0));
      disk.misdirect_read(0, 0);
      if (opened) CHECK(opened.seen.size() == 3);
      Random random(seed);
      disk.crash(random);
      CHECK(open_log(disk).seen.size() >= (opened ? 3U : 1U));
    }
  }
}

TEST_CASE(
    "a crash at every disk operation of a rollover, a drop and an opening leaves a log that opens "
    "with all of it") {
  std::uint64_t operations = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    CAPTURE(nth);
    bool power_went = false;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      MemDisk disk;
      {
        SegmentedLog log = must_open(disk);
        for (std::uint64_t key = 1; key <= 3; ++key) {
          REQUIRE(append_one(log, key, body_of(key)));
          REQUIRE(log.roll());
        }
      }
      disk.power_off(nth);
      std::size_t durable = 3;
      std::size_t dropped = 0;
      Opened opened = open_log(disk);
      if (opened) {
        SegmentedLog& log = *opened.log;
        // A short script: append, roll, append, drop twice, append.
        const auto script = [&]() -> Result<void> {
          CAUSEWAY_TRY(append_one(log, 4, body_of(4)));
          CAUSEWAY_TRY(log.roll());
          durable = 4;
          CAUSEWAY_TRY(append_one(log, 5, body_of(5)));
          CAUSEWAY_TRY(log.sync());
          durable = 5;
          dropped = 1;
          CAUSEWAY_TRY(log.drop_segment(1));
          dropped = 2;
          CAUSEWAY_TRY(log.drop_segment(2));
          CAUSEWAY_TRY(append_one(log, 6, body_of(6)));
          return log.sync();
        };
        if (script()) durable = 6;
      }
      power_went = disk.power_is_off();
      disk.crash(random);
      const Opened after = open_log(disk);
      CAPTURE(after.error.detail);
      REQUIRE(after);
      const std::vector<std::string> got = after.bodies();
      REQUIRE_FALSE(got.empty());
      std::size_t first = 0;
      while (first < dropped && got.front() != body_of(first + 1)) ++first;
      REQUIRE(first + got.size() >= durable);
      for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == body_of(first + i + 1));
    }
    if (!power_went) break;
    ++operations;
  }
  CHECK(operations > 15);
}

TEST_CASE("a new segment's name is durable before the first batch in it counts as durable") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    MemDisk disk;
    {
      SegmentedLog log = must_open(disk);
      REQUIRE(append_one(log, 1, body_of(1)));
      REQUIRE(log.roll());
      REQUIRE(append_one(log, 2, body_of(2)));
      REQUIRE(log.sync());
    }
    Random random(seed);
    disk.crash(random);
    CHECK(open_log(disk).seen.size() == 2);
  }
}

TEST_CASE("a segment that found no space is gone for good before the old one is written on") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    MemDisk disk;
    {
      SegmentedLog log = must_open(disk);
      REQUIRE(append_one(log, 1, body_of(1)));
      disk.set_capacity(disk.bytes());
      CHECK(log.roll().error().code == Errc::disk_full);
      REQUIRE(append_one(log, 2, body_of(2, 2000)));  // torn by the crash
    }
    disk.crash(random);
    disk.set_capacity(UINT64_MAX);
    const Opened opened = open_log(disk);
    CAPTURE(opened.error.detail);
    REQUIRE(opened);
    CHECK(opened.seen.size() >= 1);
  }
}

TEST_CASE("a log whose torn tail was cut has space for a vital batch again") {
  MemDisk disk;
  {
    SegmentedLog log = must_open(disk);
    REQUIRE(append_one(log, 1, body_of(1)));
    REQUIRE(log.sync());
    REQUIRE(append_one(log, 2, body_of(2)));
  }
  disk.flip_bit(segment_name(1), open_log(disk).seen.back().offset + 60, 1);
  SegmentedLog log = must_open(disk);
  disk.set_capacity(disk.bytes());
  REQUIRE(append_one(log, 0, "vote", Space::vital));
  REQUIRE(log.sync());
}

TEST_CASE(
    "what a crash leaves of a segment that was never born is removed, if its predecessor is "
    "whole") {
  MemDisk written;
  {
    SegmentedLog log = must_open(written);
    for (std::uint64_t key = 1; key <= 5; ++key) REQUIRE(append_one(log, key, body_of(key)));
    REQUIRE(log.sync());
  }
  struct Row {
    const char* why;
    std::string bytes;
    bool recovered;
  };
  const std::string header = encode_segment_header(
      {.kind = kTestKind, .number = 2, .identity = 9, .previous_identity = 1});
  const Row rows[] = {
      {"made, nothing else durable", "", true},
      {"reserved", std::string(8192, '\0'), true},
      {"half a header", header.substr(0, 33), true},
      {"half a header and reserved space", header.substr(0, 33) + std::string(8000, '\0'), true},
      {"no header, but a batch's bytes: it was born once",
       std::string(4096, '\0') + "CWBT and more", false},
      {"a broken header with bytes behind it",
       header.substr(0, 33) + std::string(4096, '\0') + "CWBT", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    MemDisk disk = written;
    disk.set_contents(segment_name(2), row.bytes);
    const Opened opened = open_log(disk);
    CAPTURE(opened.error.detail);
    REQUIRE(bool(opened) == row.recovered);
    if (row.recovered) {
      CHECK(opened.seen.size() == 5);
      CHECK(disk.image().size() == 1);
      Random random(1);
      disk.crash(random);
      CHECK(disk.image().size() == 1);  // and its removal is durable
    } else {
      CHECK(names_place(opened.error, segment_name(2)));
    }
  }
  // The predecessor was synced in full before: a bad end of it is damage now, not a torn tail.
  MemDisk disk = written;
  disk.flip_bit(segment_name(1), open_log(written).seen.back().offset + 50, 2);
  disk.set_contents(segment_name(2), "");
  const Opened opened = open_log(disk);
  REQUIRE_FALSE(opened);
  CHECK(opened.error.code == Errc::corrupt);
  CHECK(disk.image().size() == 2);
}
