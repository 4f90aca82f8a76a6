// Bad input, second part: what strangers send. A frame that is broken, huge or slow gets an error
// or is cut off, every limit answers at once, and the node goes on serving others.

#include <fstream>
#include <random>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "raw_connection.hpp"

using namespace causeway;
using namespace causeway::test;

namespace {

// ---- Frames

enum class Then : std::uint8_t { stays_open, closes };

struct FrameRow {
  std::string why;
  std::string bytes;
  std::string code;  // empty: no answer is owed
  Then then = Then::stays_open;
};

std::string call(std::string_view method, std::initializer_list<std::string_view> params) {
  return request(7, method, pack_map(params));
}

const std::string kKey = pack("key");
const std::string kValue = pack("value");
const std::string kK = pack("k");
const std::string kNil = "\xc0";
const std::string kTrue = "\xc3";
const std::string kFalse = "\xc2";

std::vector<FrameRow> frame_rows() {
  std::string deep(100000, '\x91');
  std::mt19937_64 random(1);
  std::string noise(1 << 20, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  noise[0] = '\xd9';  // no other protocol's first byte
  const std::string mega(1 << 20, 'v');
  return {
      // The method and its parameters
      {"a method that does not exist", call("frobnicate", {}), "invalid"},
      {"an empty key", call("get", {kKey, pack("")}), "invalid"},
      {"no key", call("get", {}), "invalid"},
      {"a key over the limit", call("get", {kKey, pack(std::string(1025, 'k'))}), "too_large"},
      {"a value over the limit", call("set", {kKey, kK, kValue, pack_bin(mega + "v")}),
       "too_large"},
      {"no value", call("set", {kKey, kK}), "invalid"},
      {"a key that is a number", call("get", {kKey, pack_number(7)}), "invalid"},
      {"a key that is nil", call("get", {kKey, kNil}), "invalid"},
      {"a value that is a list", call("set", {kKey, kK, kValue, "\x90"}), "invalid"},
      {"a value that is a number", call("set", {kKey, kK, kValue, "\x07"}), "invalid"},
      {"consistent is no truth value", call("get", {kKey, kK, pack("consistent"), pack("no")}),
       "invalid"},
      {"consistent is nil", call("get", {kKey, kK, pack("consistent"), kNil}), "invalid"},
      {"a timeout in words", call("get", {kKey, kK, pack("timeout_ms"), pack("5s")}), "invalid"},
      {"a negative timeout", call("get", {kKey, kK, pack("timeout_ms"), "\xff"}), "invalid"},
      {"a timeout with a point",
       call("get", {kKey, kK, pack("timeout_ms"), std::string_view("\xca\x40\x00\x00\x00", 5)}),
       "invalid"},
      {"neither wait nor report",
       call("set", {kKey, kK, kValue, kK, pack("in_doubt"), pack("maybe")}), "invalid"},
      {"a name nobody knows", call("get", {kKey, kK, pack("frobnicate"), kTrue}), "invalid"},
      {"a name that is a number", call("get", {kKey, kK, "\x07", kTrue}), "invalid"},
      {"a name twice", call("get", {kKey, kK, kKey, kK}), "invalid"},
      {"swap without the new value", call("swap", {kKey, kK, pack("old"), kK}), "invalid"},
      {"swap on this node alone",
       call("swap", {kKey, kK, pack("new"), kK, pack("old"), kK, pack("consistent"), kFalse}),
       "invalid"},
      {"await without a token", call("await", {}), "invalid"},
      {"await of no token", call("await", {pack("token"), pack("yesterday's")}), "invalid"},
      {"outcome of no operation", call("outcome", {pack("operation"), pack("that one")}),
       "invalid"},
      {"a limit in words", call("pending", {pack("limit"), pack("all")}), "invalid"},
      {"a cursor from nowhere", call("conflicts", {pack("cursor"), pack("\x01?\x02")}), "invalid"},
      {"ttl_ms, which later work brings",
       call("set", {kKey, kK, kValue, kK, pack("ttl_ms"), "\x07"}), "invalid"},
      {"session, which later work brings",
       call("set", {kKey, kK, kValue, kK, pack("session"), "\x07"}), "invalid"},
      {"at_revision, which later work brings", call("get", {kKey, kK, pack("at_revision"), "\x07"}),
       "invalid"},
      {"scan, which later work brings", call("scan", {pack("prefix"), kK}), "invalid"},
      {"watch, which later work brings", call("watch", {pack("prefix"), kK}), "invalid"},
      {"txn, which later work brings", call("txn", {}), "invalid"},
      // The request around them
      {"parameters that are no list", std::string("\x94\x00\x07", 3) + pack("get") + "\x80",
       "invalid"},
      {"an empty list of parameters", std::string("\x94\x00\x07", 3) + pack("get") + "\x90",
       "invalid"},
      {"parameters without a map", std::string("\x94\x00\x07", 3) + pack("get") + "\x91\x07",
       "invalid"},
      {"two maps", std::string("\x94\x00\x07", 3) + pack("get") + "\x92\x80\x80", "invalid"},
      {"a method that is a number", std::string("\x94\x00\x07\x07\x91\x80", 6), "invalid"},
      {"a notification: nobody waits for an answer", "\x93\x02" + pack("frobnicate") + "\x91\x80",
       ""},
      // What is no request at all
      {"a msgid in words", std::string("\x94\x00", 2) + pack("seven") + pack("get") + "\x91\x80",
       "invalid", Then::closes},
      {"a list of three", std::string("\x93\x00\x07", 3) + pack("get"), "invalid"},
      {"an answer in place of a request", std::string("\x94\x01\x07\xc0\xc0", 5), "invalid",
       Then::closes},
      {"a map in place of a list", "\x80", "invalid", Then::closes},
      {"a number", "\x07", "invalid", Then::closes},
      {"a list of 2^32 elements in five bytes", "\xdd\xff\xff\xff\xff", "too_large", Then::closes},
      {"a map of 2^32 pairs in five bytes", "\xdf\xff\xff\xff\xff", "too_large", Then::closes},
      {"a string of 4 GB", "\x94\xdb\xff\xff\xff\xff", "too_large", Then::closes},
      {"a frame over 4 MiB", call("set", {kKey, kK, kValue, pack_bin(mega + mega + mega + mega)}),
       "too_large", Then::closes},
      {"100,000 lists within each other", deep, "invalid", Then::closes},
      {"a megabyte of noise", noise, "", Then::closes},
      // Other protocols
      {"HTTP, which later work brings", "GET /kv/k HTTP/1.1\r\n\r\n", "", Then::closes},
      {"TLS, which later work brings", std::string("\x16\x03\x01\x02\x00", 5), "", Then::closes},
      {"a peer's greeting with a wrong magic", "\xc1nonsense, and then some more of it", "",
       Then::closes},
  };
}

// A value in an answer: a bin, of which the length's last byte and the bytes are looked for.
bool holds_value(const RawConnection& connection, const std::string& value) {
  return connection.received().find(pack_bin(value).substr(4)) != std::string::npos;
}

std::uint64_t resident_kb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (status >> word) {
    std::uint64_t kb = 0;
    if (word == "VmRSS:" && status >> kb) return kb;
  }
  return 0;
}

}  // namespace

TEST_CASE(
    "broken, huge and slow frames get an error or are cut off, and others are served meanwhile") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.wait_for_leader();
  const auto others = cluster.client(1);
  REQUIRE(take(others->set("served", "yes", kPatientWrite)).valid);

  // Slow ones, from the start to the end of this test: silent, and half a frame.
  std::vector<RawConnection> slow;
  for (int i = 0; i < 20; ++i) {
    slow.emplace_back(cluster.address(1));
    if (i % 2 == 1) slow.back().send(call("get", {kKey, kK}).substr(0, 5));
  }

  const std::uint64_t resident_before = resident_kb(cluster.pid(1));
  for (const FrameRow& row : frame_rows()) {
    CAPTURE(row.why);
    RawConnection connection(cluster.address(1));
    connection.send(row.bytes);
    if (!row.code.empty()) {
      connection.receive(1);
      CHECK(has_error(connection.received(), row.code));
    }
    if (row.then == Then::closes) {
      CHECK(connection.receive_to_end());
    } else {
      // The same connection goes on: a good request behind it is answered.
      const std::size_t before = connection.received().size();
      connection.send(call("get", {kKey, pack("served")}));
      connection.receive(before + 1);
      CHECK(holds_value(connection, "yes"));
    }
    CHECK(is_served(*others));
  }
  // Announced sizes were never allocated.
  CHECK(resident_kb(cluster.pid(1)) < resident_before + 32 * 1024);

  for (RawConnection& connection : slow) CHECK(connection.receive_to_end());
  CHECK(is_served(*others));
}

TEST_CASE("keys and values of any bytes, and exactly at the limit, are fine") {
  Cluster cluster(1);
  cluster.start_all();
  const auto client = cluster.client(1);
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  const std::vector<std::pair<std::string, std::string>> rows = {
      {std::string(1024, 'k'), std::string(1 << 20, 'v')},
      {bytes, bytes},
      {std::string(1, '\0'), ""},
      {"\xff\xfe", std::string(100, '\0')},
  };
  for (const auto& [key, value] : rows) {
    CHECK(take(client->set(key, value, kPatientWrite)).valid);
    const bool same = take(client->get(key, kPatient)).value == value;  // too long to print
    CHECK(same);
    CHECK(take(client->get(key, kPatient)).valid);
    CHECK(take(client->set(key, value, kOffline)).valid);
    const bool same_here = take(client->get(key, kLocal)).value == value;
    CHECK(same_here);
  }
  for (const WriteOptions& options : {WriteOptions{}, kOffline}) {
    CHECK(client->set("", "v", options).error().code == Errc::invalid);
    CHECK(client->set(std::string(1025, 'k'), "v", options).error().code == Errc::too_large);
    CHECK(client->set("k", std::string((1 << 20) + 1, 'v'), options).error().code ==
          Errc::too_large);
  }
}

TEST_CASE("calls that wait for a majority have their own limit: local reads and writes go on") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  REQUIRE(take(cluster.client(1)->set("served", "yes", kPatientWrite)).valid);
  REQUIRE(take(cluster.client(1)->get("served", kPatient)).valid);
  cluster.kill({2, 3});
  // Far more waiting calls than any limit allows, on several connections.
  std::vector<RawConnection> waiting;
  std::string flood;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    flood += request(i, "get", pack_map({kKey, kK}));
  }
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(cluster.address(1));
    waiting.back().send(flood, std::chrono::seconds(5));
  }
  for (RawConnection& connection : waiting) {
    connection.receive(1);
    CHECK(has_error(connection.received(), "exhausted"));
  }
  const auto local = cluster.client(1);
  CHECK(take(local->get("served", kLocal)).value == "yes");
  CHECK(take(local->set("note", "offline", kOffline)).valid);
  CHECK(take(local->get("note", kLocal)).value == "offline");
  // On a connection with a full queue of waiting calls, too.
  waiting[0].send(
      request(99999, "get", pack_map({kKey, pack("served"), pack("consistent"), kFalse})));
  CHECK(eventually([&] {
    waiting[0].receive(waiting[0].received().size() + 1, std::chrono::milliseconds(100));
    return holds_value(waiting[0], "yes");
  }));
  cluster.start({2, 3});
  // The waiting ones are answered now, and make room.
  CHECK(eventually([&] {
    const auto note = local->get("note", kPatient);
    return note.has_value() && note.value().value == "offline";
  }));
}

TEST_CASE("values that were asked for and are not taken stay few, whoever asks for them") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.wait_for_leader();
  const auto others = cluster.client(1);
  REQUIRE(take(others->set("served", "yes", kPatientWrite)).valid);
  REQUIRE(take(others->set("k", std::string(1 << 20, 'v'), kPatientWrite)).valid);
  const std::string flag = pack("consistent");
  const std::vector<std::string> requests = {
      call("get", {kKey, kK, flag, kFalse}),
      call("get", {kKey, kK}),
      call("swap", {kKey, kK, pack("new"), pack("n"), pack("old"), pack("o")}),
  };
  const std::uint64_t resident_before = resident_kb(cluster.pid(1));
  for (const std::string& request : requests) {
    std::string flood;
    for (int i = 0; i < 500; ++i) flood += request;
    std::vector<RawConnection> silent;
    for (int i = 0; i < 4; ++i) {
      silent.emplace_back(cluster.address(1));
      silent.back().send(flood);
    }
    for (int i = 0; i < 20; ++i) {
      CHECK(is_served(*others));
      CHECK(resident_kb(cluster.pid(1)) < resident_before + 80 * 1024);
    }
    // Who begins to take them gets all answers: values first, then that there were too many.
    silent[0].receive(1 << 20);
    CHECK(eventually([&] {
      silent[0].receive(silent[0].received().size() + 1, std::chrono::milliseconds(100));
      return has_error(silent[0].received(), "exhausted");
    }));
    CHECK(resident_kb(cluster.pid(1)) < resident_before + 80 * 1024);
  }
  // Those that went away in the middle left nothing behind.
  CHECK(eventually([&] {
    CHECK(is_served(*others));
    return resident_kb(cluster.pid(1)) < resident_before + 24 * 1024;
  }));
}

TEST_CASE("too many connections: each further one is told so, and nobody else notices") {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  Cluster cluster(1);
  cluster.start_all();
  cluster.wait_for_leader();
  const auto others = cluster.client(1);
  REQUIRE(take(others->set("served", "yes", kPatientWrite)).valid);
  std::vector<RawConnection> many;
  std::string last;
  const bool refused = eventually([&] {
    many.emplace_back(cluster.address(1));
    many.back().send(call("get", {kKey, pack("served")}));
    many.back().receive(1);
    last = many.back().received();
    return has_error(last, "exhausted") || many.size() > 3000;
  });
  CHECK(refused);
  CHECK(has_error(last, "exhausted"));
  CHECK(is_served(*others));
  many.clear();
  CHECK(eventually([&] { return Client::connect({.servers = {cluster.address(1)}}).has_value(); }));
}

TEST_CASE(
    "a full journal refuses new offline writes, drops none, and takes more once it has settled") {
  Cluster cluster(3);
  cluster.set_flags(1, {"--journal-limit", "65536"});
  cluster.start({1});
  const auto client = cluster.client(1);
  const std::string value(4096, 'v');
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key" + std::to_string(i);
    const auto set = client->set(key, value, kOffline);
    if (!set.has_value()) {
      CHECK(set.error().code == Errc::journal_full);
      break;
    }
    keys.push_back(key);
  }
  CHECK(keys.size() > 3);
  CHECK(keys.size() < 20);
  const auto has = [&](const std::string& key, const ReadOptions& options) {
    return take(client->get(key, options)).value == value;
  };
  for (const std::string& key : keys) CHECK(has(key, kLocal));
  cluster.start({2, 3});
  for (const std::string& key : keys) CHECK(has(key, kPatient));
  CHECK(eventually([&] { return client->set("one more", value, kOffline).has_value(); }));
}
