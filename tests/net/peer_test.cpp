// The talk between nodes: PeerDialer on one side, Server on the other, or a raw socket in the place
// of one.
#include <optional>

#include <boost/asio/ip/tcp.hpp>

#include "base/random.hpp"
#include "loopback.hpp"
#include "net/peer_dialer.hpp"

using namespace causeway;
using namespace causeway::net;

namespace {

constexpr PeerId kPeer = 7;

/// Times short enough for a test; the backoff is still there.
DialerOptions short_times() {
  return {.backoff_min = std::chrono::milliseconds(1), .backoff_max = std::chrono::milliseconds(4)};
}

wire::Hello hello_of(std::string name) {
  return {.cluster = 5,
          .name = std::move(name),
          .origin = {11},
          .incarnation = {12},
          .start_number = 3};
}

class PeerRecorder final : public PeerHandler {
 public:
  void on_peer_dialled(PeerId peer) override {
    events += "dialled ";
    if (when_dialled) when_dialled(peer);
  }
  void on_peer_greeted(PeerId, wire::HelloReply reply) override {
    events += reply.accepted ? "greeted " : "refused ";
    replies.push_back(std::move(reply));
  }
  void on_peer_lost(PeerId) override { events += "lost "; }
  void on_log(LogLevel, std::string text) override { lines.push_back(std::move(text)); }

  [[nodiscard]] bool heard(std::string_view wanted) const {
    return events.find(wanted) != std::string::npos;
  }

  std::string events;
  std::vector<wire::HelloReply> replies;
  std::vector<std::string> lines;
  std::function<void(PeerId)> when_dialled;
};

/// A server that accepts every hello, and a dialer that says it.
struct Pair {
  explicit Pair(DialerOptions options = short_times(), ServerOptions server_options = {})
      : served(server_options), dialer(served.io, options, recorder, Random(1)) {
    served.recorder.when_hello = [this](LinkId link) {
      served.server.answer_link(link, {.accepted = true, .hello = hello_of("b")});
      served.server.flush();
    };
    recorder.when_dialled = [this](PeerId peer) {
      dialer.send_hello(peer, hello_of("a"));
      dialer.flush();
    };
  }
  [[nodiscard]] bool wait(std::string_view events) {
    return run_until(served.io, [&] { return recorder.heard(events); });
  }

  Served served;
  PeerRecorder recorder;
  PeerDialer dialer;
};

consensus::Message append_of(std::size_t payload_bytes, std::uint64_t round) {
  consensus::AppendEntries append{.term = {3}, .round = round};
  consensus::Entry entry;
  entry.payload = Blob::copy_of(std::string(payload_bytes, 'p'));
  append.entries.push_back(entry);
  return append;
}

}  // namespace

TEST_CASE("a peer is dialled, greeted, and then hears messages in order") {
  Pair pair;
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("dialled greeted "));
  CHECK(pair.recorder.replies.front().hello == hello_of("b"));
  REQUIRE(pair.served.recorder.hellos.size() == 1);
  CHECK(pair.served.recorder.hellos.front().second == hello_of("a"));
  for (std::uint64_t i = 0; i < 100; ++i) pair.dialer.send(kPeer, append_of(i * 1000, i));
  pair.dialer.flush();
  auto& messages = pair.served.recorder.messages;
  REQUIRE(run_until(pair.served.io, [&] { return messages.size() == 100; }));
  for (std::uint64_t i = 0; i < 100; ++i) {
    CHECK(messages[i].second == append_of(i * 1000, i));
    CHECK(messages[i].first == pair.served.recorder.hellos.front().first);
  }
}

TEST_CASE("what is sent to a peer without a connection that stands is dropped") {
  Pair pair;
  pair.dialer.send(kPeer, append_of(1, 1));
  pair.dialer.add(kPeer, pair.served.server.local_address());
  pair.dialer.send(kPeer, append_of(1, 2));
  pair.dialer.flush();
  REQUIRE(pair.wait("greeted "));
  pair.dialer.send(kPeer, append_of(1, 3));
  pair.dialer.flush();
  REQUIRE(run_until(pair.served.io, [&] { return !pair.served.recorder.messages.empty(); }));
  CHECK(pair.served.recorder.messages.front().second == append_of(1, 3));
}

TEST_CASE("a peer that comes up later is found by dialling again") {
  Pair pair;
  std::optional<Served> late;
  late.emplace();
  const Address address = late->server.local_address();
  late.reset();
  pair.dialer.add(kPeer, address);
  REQUIRE(run_until(pair.served.io, [&] { return !pair.recorder.lines.empty(); }));
  Server second(pair.served.io, {}, pair.served.recorder);
  pair.served.recorder.when_hello = [&](LinkId link) {
    second.answer_link(link, {.accepted = true});
    second.flush();
  };
  REQUIRE(second.listen(address));
  REQUIRE(pair.wait("greeted "));
}

TEST_CASE("a dropped connection is lost once and dialled again") {
  Pair pair;
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("greeted "));
  pair.dialer.drop(kPeer, "the test says so");
  CHECK(pair.recorder.events == "dialled greeted ");  // not from within our call
  REQUIRE(pair.wait("dialled greeted lost dialled greeted "));
  REQUIRE(run_until(pair.served.io, [&] { return pair.served.recorder.closed.size() == 1; }));
  CHECK(pair.served.recorder.closed.front() == pair.served.recorder.hellos.front().first);
}

TEST_CASE("a link dropped by the accepter is lost and dialled again") {
  Pair pair;
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("greeted "));
  const LinkId link = pair.served.recorder.hellos.front().first;
  pair.served.server.drop_link(link, "the test says so");
  CHECK(pair.served.recorder.closed.empty());  // not from within our call
  REQUIRE(pair.wait("lost dialled greeted "));
  CHECK(pair.served.recorder.closed == std::vector<std::uint64_t>{link});
  CHECK(pair.served.recorder.hellos.back().first > link);
}

TEST_CASE("a refused hello is told with its reason, and the link closed") {
  Pair pair;
  pair.served.recorder.when_hello = [&](LinkId link) {
    pair.served.server.answer_link(
        link, {.accepted = false, .reason = "another cluster", .exceed_number = 9});
    pair.served.server.flush();
  };
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("dialled refused lost dialled refused "));
  CHECK(pair.recorder.replies.front().reason == "another cluster");
  CHECK(pair.recorder.replies.front().exceed_number == 9);
  CHECK(pair.served.recorder.messages.empty());
}

TEST_CASE("a known peer with a new address is dialled there") {
  Pair pair;
  Pair other;
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("greeted "));
  pair.dialer.add(kPeer, pair.served.server.local_address());
  CHECK(pair.recorder.events == "dialled greeted ");
  pair.dialer.add(kPeer, other.served.server.local_address());
  REQUIRE(run_until(pair.served.io, [&] {
    other.served.io.restart();
    other.served.io.poll();
    return pair.recorder.heard("lost dialled greeted ");
  }));
  CHECK(other.served.recorder.hellos.size() == 1);
}

TEST_CASE("a peer that takes no messages is dropped when too much waits for it") {
  DialerOptions options = short_times();
  options.output_bytes_max = 1u << 20;
  Pair pair(options);
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("greeted "));
  // The loop does not turn, so the other side reads nothing.
  for (int i = 0; i < 64; ++i) {
    pair.dialer.send(kPeer, append_of(1u << 20, 1));
    pair.dialer.flush();
  }
  REQUIRE(pair.wait("lost dialled greeted "));
}

TEST_CASE("a peer that connects and never answers is given up") {
  DialerOptions options = short_times();
  options.handshake_timeout = std::chrono::milliseconds(10);
  Pair pair(options);
  pair.served.recorder.when_hello = nullptr;
  pair.dialer.add(kPeer, pair.served.server.local_address());
  REQUIRE(pair.wait("dialled lost dialled lost "));
}

TEST_CASE("damaged, early and oversized frames of a peer close its link, and no message passes") {
  const auto framed = [](const std::string& body) {
    char header[wire::kFrameHeaderBytes];
    wire::encode_frame_header(body, header);
    return std::string(header, sizeof header) + body;
  };
  const auto damaged = [](std::string frame) {
    frame.back() = static_cast<char>(frame.back() ^ 1);
    return frame;
  };
  std::string message;
  wire::encode(append_of(10, 1), message);
  const std::string preamble(wire::peer_preamble());
  const std::string hello = framed(wire::encode(hello_of("a")));
  std::string other_version = preamble;
  other_version.back() = static_cast<char>(other_version.back() + 1);

  struct Row {
    const char* why;
    std::string bytes;
  };
  const Row rows[] = {
      {"not our magic", "\xc1XYZ\x01"},
      {"another protocol version", other_version},
      {"a message in place of the hello", preamble + framed(message)},
      {"a hello with a wrong checksum", preamble + damaged(hello)},
      {"an empty frame", preamble + std::string(wire::kFrameHeaderBytes, '\0')},
      {"a frame of 4 GiB", preamble + std::string(wire::kFrameHeaderBytes, '\xff')},
      {"a hello of 100 KiB", preamble + framed(std::string(100u << 10, 'h'))},
      {"a second hello", preamble + hello + hello},
      {"a message with a wrong checksum", preamble + hello + damaged(framed(message))},
      {"a message that is none", preamble + hello + framed("\x05")},
  };
  Pair pair;
  for (const Row& row : rows) {
    CAPTURE(row.why);
    RawClient client(pair.served.io, pair.served.server.local_address());
    static_cast<void>(client.send(row.bytes));
    CHECK(client.wait_closed());
  }
  REQUIRE(run_until(pair.served.io, [&] {
    return pair.served.recorder.closed.size() == pair.served.recorder.hellos.size();
  }));
  CHECK(pair.served.recorder.messages.empty());
  CHECK(pair.served.recorder.lines.size() == std::size(rows));
}

TEST_CASE("a peer that speaks before its hello is answered is closed") {
  Pair pair;
  pair.served.recorder.when_hello = nullptr;  // still thinking
  std::string message;
  wire::encode(append_of(10, 1), message);
  char header[wire::kFrameHeaderBytes];
  std::string bytes(wire::peer_preamble());
  for (const std::string& body : {wire::encode(hello_of("a")), message}) {
    wire::encode_frame_header(body, header);
    bytes.append(header, sizeof header).append(body);
  }
  RawClient client(pair.served.io, pair.served.server.local_address());
  REQUIRE(client.send(bytes));
  CHECK(client.wait_closed());
  CHECK(pair.served.recorder.messages.empty());
}

TEST_CASE("a stranger where a peer should be is given up and dialled again") {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor web_server(io, {boost::asio::ip::address_v4::loopback(), 0});
  std::size_t dialled = 0;
  std::function<void()> accept = [&] {
    web_server.async_accept(
        [&](const boost::system::error_code&, boost::asio::ip::tcp::socket socket) {
          ++dialled;
          socket.send(boost::asio::buffer("HTTP/1.1 400 Bad Request\r\n\r\n", 28));
          accept();
        });
  };
  accept();
  PeerRecorder recorder;
  PeerDialer dialer(io, short_times(), recorder, Random(1));
  dialer.add(kPeer, {"127.0.0.1", web_server.local_endpoint().port()});
  CHECK(run_until(io, [&] { return dialled == 3; }));
  CHECK(recorder.events.empty());
  CHECK(recorder.lines.size() == 1);
}

TEST_CASE("dialling a free port of this machine never connects it with itself") {
  // Linux picks the local port of such an attempt from the same range, and sometimes the very one.
  Served served;
  const Address free_port = [] {
    Served gone;
    return gone.server.local_address();
  }();
  PeerRecorder recorder;
  DialerOptions options = short_times();
  options.backoff_min = options.backoff_max = std::chrono::microseconds(1);
  PeerDialer dialer(served.io, options, recorder, Random(1));
  dialer.add(kPeer, free_port);
  for (int i = 0; i < 3000; ++i)
    served.io.restart(), served.io.run_one_for(std::chrono::milliseconds(2));
  CHECK(recorder.events.empty());
}
