// Limits of a server. Times are made short so that a test does not take long; none asserts how
// long.
#include <memory>

#include <sys/resource.h>

#include "loopback.hpp"

using namespace causeway;
using namespace causeway::net;
using namespace std::string_literals;

namespace {

constexpr Duration kShort = std::chrono::milliseconds(20);

}  // namespace

TEST_CASE("a connection that says nothing is closed; one that has called may be silent") {
  Served served({.handshake_timeout = kShort});
  served.answer_gets();
  RawClient silent(served.io, served.server.local_address());
  RawClient caller(served.io, served.server.local_address());
  REQUIRE(caller.send(get_request(1, "a")));
  CHECK(got(caller.next_frame()) == Got{1, "a"});
  CHECK(silent.wait_closed());
  // A second silent one is closed, and the caller, which has been quiet for longer, is not.
  RawClient silent_too(served.io, served.server.local_address());
  CHECK(silent_too.wait_closed());
  REQUIRE(caller.send(get_request(2, "b")));
  CHECK(got(caller.next_frame()) == Got{2, "b"});
}

TEST_CASE("a request that is never finished is answered and its connection closed") {
  Served served({.frame_timeout = kShort, .linger_timeout = kShort});
  served.answer_gets();
  RawClient client(served.io, served.server.local_address());
  REQUIRE(client.send(get_request(1, "a") + get_request(2, "b").substr(0, 5)));
  CHECK(got(client.next_frame()) == Got{1, "a"});
  CHECK(got(client.next_frame()) == Got{0, "invalid"});
  CHECK(client.wait_closed());
  REQUIRE(run_until(served.io, [&] { return served.recorder.closed.size() == 1; }));
}

TEST_CASE("a peer that does not finish its handshake is closed") {
  Served served({.handshake_timeout = kShort});
  RawClient half(served.io, served.server.local_address());
  REQUIRE(half.send(wire::peer_preamble().substr(0, 3)));
  CHECK(half.wait_closed());
  RawClient no_hello(served.io, served.server.local_address());
  REQUIRE(no_hello.send(wire::peer_preamble()));
  CHECK(no_hello.wait_closed());
  CHECK(no_hello.received() == wire::peer_preamble());
  CHECK(served.recorder.hellos.empty());
}

TEST_CASE("beyond the connections that it takes a server answers exhausted and closes") {
  Served served({.connections_max = 2, .linger_timeout = kShort});
  served.answer_gets();
  auto first = std::make_unique<RawClient>(served.io, served.server.local_address());
  RawClient second(served.io, served.server.local_address());
  for (RawClient* client : {first.get(), &second}) {
    REQUIRE(client->send(get_request(1, "a")));
    CHECK(got(client->next_frame()) == Got{1, "a"});
  }
  CHECK(served.server.connection_count() == 2);
  RawClient third(served.io, served.server.local_address());
  REQUIRE(third.send(get_request(9, "a") + get_request(10, "a")));
  CHECK(got(third.next_frame()) == Got{9, "exhausted"});
  CHECK(third.wait_closed());

  INFO("peers have places of their own");
  RawClient peer(served.io, served.server.local_address());
  REQUIRE(peer.send(wire::peer_preamble()));
  CHECK(peer.wait_bytes(wire::kPreambleBytes));

  INFO("a place that is given back is used again");
  first.reset();
  REQUIRE(run_until(served.io, [&] { return served.server.connection_count() == 1; }));
  RawClient fourth(served.io, served.server.local_address());
  REQUIRE(fourth.send(get_request(4, "d")));
  CHECK(got(fourth.next_frame()) == Got{4, "d"});
}

TEST_CASE("peers' links have a limit of their own") {
  Served served({.links_max = 1});
  RawClient first(served.io, served.server.local_address());
  REQUIRE(first.send(wire::peer_preamble()));
  REQUIRE(first.wait_bytes(wire::kPreambleBytes));
  RawClient second(served.io, served.server.local_address());
  REQUIRE(second.send(wire::peer_preamble()));
  CHECK(second.wait_closed());
}

TEST_CASE("a client that does not read its answers is not read from, then closed") {
  Served served({.output_bytes_max = 1u << 20, .write_timeout = kShort});
  served.recorder.when_batch_ends = [&] { served.server.flush(); };
  served.recorder.when_called = [&](Recorder::Heard& heard) {
    served.answer(heard, std::string(256u << 10, 'v'));
  };
  RawClient client(served.io, served.server.local_address(), 4096);
  RawClient other(served.io, served.server.local_address());
  std::string bytes;
  for (std::uint32_t i = 0; i < 64; ++i) bytes += get_request(i, "k");
  REQUIRE(client.send(bytes));
  REQUIRE(run_until(served.io, [&] { return served.recorder.closed.size() == 1; }));
  REQUIRE(other.send(get_request(1, "k")));
  CHECK(got(other.next_frame()).value.size() == 256u << 10);
}

TEST_CASE("answers beyond the output bound are refused as exhausted, writes are always told") {
  Served served({.output_bytes_max = 64u << 10});
  RawClient client(served.io, served.server.local_address(), 4096);
  std::string bytes;
  constexpr std::uint32_t kGets = 200;
  for (std::uint32_t i = 0; i < kGets; ++i) bytes += get_request(i, "k");
  wire::encode_request(kGets, wire::WriteCall{.key = "k", .value = Blob::copy_of("v")}, bytes);
  REQUIRE(client.send(bytes));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == kGets + 1; }));
  for (std::uint32_t i = 0; i < kGets; ++i) {
    served.answer(served.recorder.calls[i], std::string(64u << 10, 'v'));
  }
  const auto& write = served.recorder.calls[kGets];
  served.server.answer(write.connection, write.call, wire::Answer(Response{.valid = true}));
  served.server.flush();
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < kGets; ++i)
    refused += got(client.next_frame()).value == "exhausted";
  CHECK(refused > 0);
  CHECK(refused < kGets);
  const auto last = wire::decode_reply(client.next_frame(), wire::CallKind::set);
  REQUIRE(last);
  CHECK(std::holds_alternative<wire::Answer>(last.value().reply));

  INFO("and it is read from again once it has read");
  REQUIRE(client.send(get_request(1000, "again")));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == kGets + 2; }));
}

TEST_CASE("clients that read nothing hold a bounded amount together, and small values pass") {
  Served served({.output_bytes_limit = 8u << 20});
  served.recorder.when_batch_ends = [&] { served.server.flush(); };
  served.recorder.when_called = [&](Recorder::Heard& heard) {
    served.answer(heard, std::string(served.recorder.calls.size() <= 16 ? 6u << 20 : 1000u, 'v'));
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < 16; ++i) {
    clients.push_back(std::make_unique<RawClient>(served.io, served.server.local_address(), 4096));
    REQUIRE(clients.back()->send(get_request(1, "large")));
    REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == i + 1; }));
  }
  RawClient small(served.io, served.server.local_address());
  REQUIRE(small.send(get_request(1, "small")));
  CHECK(got(small.next_frame()).value.size() == 1000);
  std::size_t refused = 0;
  for (const auto& client : clients) refused += got(client->next_frame()).value == "exhausted";
  CHECK(refused > 8);
  CHECK(refused < 16);
}

TEST_CASE("a client that makes nothing but mistakes, and reads no answer, is not read from") {
  struct Row {
    const char* why;
    ServerOptions options;
  };
  const Row rows[] = {{"its own bound", {.output_bytes_max = 64u << 10}},
                      {"the bound of all together", {.output_bytes_max_total = 64u << 10}}};
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Served served(row.options);
    RawClient client(served.io, served.server.local_address(), 4096);
    // The kernel holds megabytes in either direction; answers are a fifth as long as these.
    const std::string mistake =
        "\x94\x00\x01\xa3get\x91\x81\xa5value\xd9\xc8"s + std::string(200, 'v');
    std::string mistakes;
    while (mistakes.size() < (1u << 20)) mistakes += mistake;
    constexpr std::size_t kOffered = 96u << 20;
    std::size_t taken = 0;
    for (std::size_t tries = 0; tries < 2000 && taken < kOffered; ++tries) {
      taken += client.offer(std::string_view(mistakes).substr(taken % mistakes.size()));
      served.io.poll();
    }
    CHECK(taken < kOffered);
    REQUIRE(run_until(served.io, [&] {
      client.poll();
      taken += client.offer(std::string_view(mistakes).substr(taken % mistakes.size()));
      return taken >= kOffered;  // it is read from again
    }));
  }
}

TEST_CASE("large requests that are never finished hold a bounded amount of memory together") {
  Served served({.input_bytes_max_total = 256u << 10, .linger_timeout = kShort});
  served.answer_gets();
  std::string unfinished;
  wire::encode_request(
      1, wire::WriteCall{.key = "k", .value = Blob::copy_of(std::string(1u << 20, 'v'))},
      unfinished);
  unfinished.resize(100u << 10);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(served.io, served.server.local_address()));
    static_cast<void>(clients.back()->send(unfinished));
  }
  std::size_t closed = 0;
  CHECK(run_until(served.io, [&] {
    closed = 0;
    for (const auto& client : clients) closed += client->poll();
    return closed >= 5;
  }));
  CHECK(closed < clients.size());
  RawClient small(served.io, served.server.local_address());
  REQUIRE(small.send(get_request(1, "small")));
  CHECK(got(small.next_frame()) == Got{1, "small"});
}

TEST_CASE("without descriptors a server waits and then goes on accepting") {
  Served served;
  served.answer_gets();
  RawClient early(served.io, served.server.local_address());
  REQUIRE(early.send(get_request(1, "a")));
  CHECK(got(early.next_frame()) == Got{1, "a"});
  auto late = std::make_unique<RawClient>(served.io, served.server.local_address());
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 3;  // below every descriptor that is free
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool complained = run_until(served.io, [&] { return !served.recorder.lines.empty(); });
  // Those that are connected are served meanwhile.
  const bool sent = early.send(get_request(2, "b"));
  const Got meanwhile = got(early.next_frame());
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(complained);
  CHECK(sent);
  CHECK(meanwhile == Got{2, "b"});
  REQUIRE(late->send(get_request(3, "c")));
  CHECK(got(late->next_frame()) == Got{3, "c"});
}

TEST_CASE("finish sends what is queued and closes") {
  Served served;
  RawClient client(served.io, served.server.local_address());
  REQUIRE(client.send(get_request(1, "a")));
  REQUIRE(run_until(served.io, [&] { return served.recorder.calls.size() == 1; }));
  served.answer_key(served.recorder.calls.front());
  bool done = false;
  served.server.finish([&] { done = true; });
  CHECK(got(client.next_frame()) == Got{1, "a"});
  CHECK(client.wait_closed());
  client.close();
  CHECK(run_until(served.io, [&] { return done; }));
}

TEST_CASE("an address in use and a foreign address are refused with their name") {
  Served served;
  Server second(served.io, {}, served.recorder);
  const auto in_use = second.listen(served.server.local_address());
  REQUIRE_FALSE(in_use);
  CHECK(in_use.error().code == Errc::io);
  CHECK(in_use.error().detail.find(to_string(served.server.local_address())) != std::string::npos);
  const auto foreign = second.listen({"192.0.2.1", 1});
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == Errc::io);
  CHECK(second.listen({"127.0.0.1", 0}));
}

TEST_CASE("silent connections, however many, keep neither a new client nor a peer out") {
  Served served({.connections_max = 2, .links_max = 1, .handshake_timeout = std::chrono::hours(1)});
  served.answer_gets();
  RawClient early(served.io, served.server.local_address());
  REQUIRE(early.send(get_request(1, "a")));
  CHECK(got(early.next_frame()) == Got{1, "a"});
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawClient>(served.io, served.server.local_address()));
  }
  CHECK(silent.front()->wait_closed());

  RawClient client(served.io, served.server.local_address());
  REQUIRE(client.send(get_request(2, "b")));
  CHECK(got(client.next_frame()) == Got{2, "b"});
  RawClient peer(served.io, served.server.local_address());
  REQUIRE(peer.send(wire::peer_preamble()));
  CHECK(peer.wait_bytes(wire::kPreambleBytes));
  RawClient beyond(served.io, served.server.local_address());
  REQUIRE(beyond.send(get_request(3, "c")));
  CHECK(got(beyond.next_frame()) == Got{3, "exhausted"});
  REQUIRE(early.send(get_request(4, "d")));
  CHECK(got(early.next_frame()) == Got{4, "d"});
  CHECK_FALSE(silent.back()->poll());
}
