#include <memory>
#include <set>

#include "base/random.hpp"
#include "loopback.hpp"

using namespace causeway;
using namespace causeway::net;
using namespace std::string_literals;

TEST_CASE("requests that arrive together are handed over together, and answered in one piece") {
  Served served;
  served.answer_gets();
  RawClient client(served.io, served.server.local_address());
  std::string bytes;
  for (std::uint32_t i = 0; i < 32; ++i) bytes += get_request(i, "key" + std::to_string(i));
  REQUIRE(client.send(bytes));
  for (std::uint32_t i = 0; i < 32; ++i) {
    CHECK(got(client.next_frame()) == Got{i, "key" + std::to_string(i)});
  }
  CHECK(served.recorder.batches == 1);
}

TEST_CASE("answers may go out in any order") {
  Served served;
  RawClient client(served.io, served.server.local_address());
  REQUIRE(client.send(get_request(1, "a") + get_request(2, "b") + get_request(3, "c")));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == 3; }));
  for (const std::size_t i : {2u, 0u, 1u}) served.answer_key(served.recorder.calls[i]);
  served.server.flush();
  CHECK(got(client.next_frame()) == Got{3, "c"});
  CHECK(got(client.next_frame()) == Got{1, "a"});
  CHECK(got(client.next_frame()) == Got{2, "b"});
}

TEST_CASE("one msgid used twice names two calls") {
  Served served;
  RawClient client(served.io, served.server.local_address());
  REQUIRE(client.send(get_request(7, "a") + get_request(7, "b")));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == 2; }));
  CHECK(served.recorder.calls[0].call != served.recorder.calls[1].call);
  served.answer_key(served.recorder.calls[1]);
  served.answer_key(served.recorder.calls[0]);
  served.server.flush();
  CHECK(got(client.next_frame()) == Got{7, "b"});
  CHECK(got(client.next_frame()) == Got{7, "a"});
}

TEST_CASE("a client that sends a byte at a time is served like any other") {
  Served served;
  served.answer_gets();
  RawClient client(served.io, served.server.local_address());
  for (const char byte : get_request(1, "slow") + get_request(2, "slower")) {
    REQUIRE(client.send({&byte, 1}));
    served.io.restart();
    served.io.run_one_for(std::chrono::milliseconds(2));
  }
  CHECK(got(client.next_frame()) == Got{1, "slow"});
  CHECK(got(client.next_frame()) == Got{2, "slower"});
}

TEST_CASE("requests and answers far larger than a read pass whole") {
  Served served;
  served.recorder.when_batch_ends = [&] { served.server.flush(); };
  served.recorder.when_called = [&](Recorder::Heard& heard) {
    served.answer(heard, std::string(std::get<wire::WriteCall>(heard.request).value.view()));
  };
  RawClient client(served.io, served.server.local_address());
  std::string value(1u << 20, 'x');
  for (std::size_t i = 0; i < value.size(); i += 999) value[i] = static_cast<char>('a' + i % 26);
  std::string bytes;
  for (std::uint32_t i = 0; i < 3; ++i) {
    wire::encode_request(i, wire::WriteCall{.key = "k", .value = Blob::copy_of(value)}, bytes);
  }
  REQUIRE(client.send(bytes));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == 3; }));
  for (const auto& heard : served.recorder.calls) {
    CHECK(std::get<wire::WriteCall>(heard.request).value.view() == value);
  }
}

TEST_CASE("a notification is carried out and not answered") {
  Served served;
  served.answer_gets();
  RawClient client(served.io, served.server.local_address());
  // [2, "get", [{"key": "k"}]]
  const std::string notification = "\x93\x02\xa3get\x91\x81\xa3key\xa1k";
  REQUIRE(client.send(notification + get_request(5, "after")));
  CHECK(got(client.next_frame()) == Got{5, "after"});
  CHECK(served.recorder.calls.size() == 2);
}

TEST_CASE("a closed connection is told once, and answers to it go nowhere") {
  Served served;
  auto client = std::make_unique<RawClient>(served.io, served.server.local_address());
  REQUIRE(client->send(get_request(1, "a")));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == 1; }));
  const auto heard = served.recorder.calls.front();
  client.reset();
  REQUIRE(run_until(served.io, [&] { return !served.recorder.closed.empty(); }));
  CHECK(served.recorder.closed == std::vector<std::uint64_t>{heard.connection});
  served.answer_key(heard);
  served.server.flush();
  CHECK(served.server.connection_count() == 0);
}

TEST_CASE("connection numbers rise and are never used again") {
  Served served;
  std::uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    RawClient client(served.io, served.server.local_address());
    REQUIRE(client.send(get_request(1, "a")));
    REQUIRE(run_until(served.io, [&] { return !served.recorder.calls.empty(); }));
    CHECK(served.recorder.calls.front().connection > last);
    last = served.recorder.calls.front().connection;
    served.recorder.calls.clear();
  }
}

TEST_CASE("a bad request is answered, and the connection and all others go on") {
  struct Row {
    const char* why;
    std::string bytes;
  };
  const Row rows[] = {
      {"unknown method", "\x94\x00\x01\xa4oops\x91\x80"s},
      {"params are no array", "\x94\x00\x01\xa3get\x80"s},
      {"the key is missing", "\x94\x00\x01\xa3get\x91\x80"s},
      {"the key is a number", "\x94\x00\x01\xa3get\x91\x81\xa3key\x05"s},
      {"an unknown parameter", "\x94\x00\x01\xa3get\x91\x82\xa3key\xa1k\xa3ttl\x05"s},
      {"an empty key", "\x94\x00\x01\xa3get\x91\x81\xa3key\xa0"s},
  };
  Served served;
  served.answer_gets();
  RawClient other(served.io, served.server.local_address());
  for (const Row& row : rows) {
    CAPTURE(row.why);
    RawClient client(served.io, served.server.local_address());
    REQUIRE(client.send(row.bytes));
    CHECK(got(client.next_frame()) == Got{1, "invalid"});
    REQUIRE(client.send(get_request(2, "next")));
    CHECK(got(client.next_frame()) == Got{2, "next"});
    REQUIRE(other.send(get_request(3, "other")));
    CHECK(got(other.next_frame()) == Got{3, "other"});
  }
}

TEST_CASE(
    "what is no request at all is answered where possible, then closed, and the others go on") {
  struct Row {
    const char* why;
    std::string bytes;
    bool answered;
    const char* code;
  };
  std::string nested(100'000, '\x91');
  std::string huge = get_request(1, std::string(100, 'k'));
  const Row rows[] = {
      {"an array of 2^32 elements", "\xdd\xff\xff\xff\xff", true, "too_large"},
      {"a string of 2^32 bytes", "\xdb\xff\xff\xff\xff", true, "too_large"},
      {"100,000 nested arrays", nested, true, "invalid"},
      {"a number", "\x05", true, "invalid"},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n", false, ""},
      {"TLS", "\x16\x03\x01", false, ""},
  };
  Served served;
  served.answer_gets();
  RawClient other(served.io, served.server.local_address());
  for (const Row& row : rows) {
    CAPTURE(row.why);
    RawClient client(served.io, served.server.local_address());
    static_cast<void>(client.send(row.bytes));
    CHECK(client.wait_closed());
    if (row.answered) {
      CHECK(got(client.next_frame()) == Got{0, row.code});
    } else {
      CHECK(client.received().empty());
    }
    REQUIRE(other.send(get_request(3, "other")));
    CHECK(got(other.next_frame()) == Got{3, "other"});
  }
  CHECK(served.recorder.lines.size() == std::size(rows));
}

TEST_CASE("random bytes end no server") {
  Served served;
  served.answer_gets();
  Random random(2024);
  for (int round = 0; round < 50; ++round) {
    std::string bytes(random.between(1, 3000), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next());
    RawClient client(served.io, served.server.local_address());
    static_cast<void>(client.send(bytes));
    for (int turn = 0; turn < 5; ++turn) served.io.restart(), served.io.poll();
  }
  RawClient client(served.io, served.server.local_address());
  REQUIRE(client.send(get_request(1, "alive")));
  CHECK(got(client.next_frame()) == Got{1, "alive"});
}
