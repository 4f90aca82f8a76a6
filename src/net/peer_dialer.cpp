#include "net/peer_dialer.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "net/attempt.hpp"
#include "net/channel.hpp"

namespace causeway::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kPeerKeepaliveIdle{4};
constexpr std::size_t kReplyBytesMax = 64u << 10;

}  // namespace

struct PeerDialer::State : std::enable_shared_from_this<PeerDialer::State> {
  /// One peer, and the connection to it that there is or will be. Attempts are numbered, so that a
  /// timer of an earlier one that fires late is recognised.
  struct Peer final : ChannelEvents {
    enum class Phase : std::uint8_t { pausing, connecting, preamble, hello, greeted };

    Peer(State& owner, PeerId number, Address where)
        : state(owner), id(number), address(std::move(where)), timer(owner.io) {}

    std::size_t on_bytes(std::string_view bytes) override;
    void on_sent() override {}
    void on_lost(std::string reason) override { give_up(std::move(reason)); }

    void dial();
    void on_connected(Socket socket);
    void give_up(std::string reason);
    void on_reply(std::string_view body);
    void write_frame(std::string_view body);
    void set_timer(Duration after, void (Peer::*what)());
    void on_timeout() { give_up("it did not answer in time"); }
    [[nodiscard]] bool stands() const { return phase >= Phase::hello; }

    State& state;
    PeerId id;
    Address address;
    Timer timer;                       // of the pause and of the handshake
    std::shared_ptr<Attempt> attempt;  // connecting
    std::shared_ptr<Channel> channel;  // from then on
    Phase phase = Phase::pausing;
    std::uint64_t number_of_attempts = 0;
    Duration backoff{0};
    Clock::time_point greeted_at;
    bool complained = false;  // about this outage
  };

  State(asio::io_context& context, DialerOptions given, PeerHandler& owner, Random generator)
      : io(context),
        options(given),
        handler(&owner),
        random(generator),
        stock(std::make_shared<ChannelStock>(context)) {}

  void log(LogLevel level, std::string text) {
    if (handler != nullptr) handler->on_log(level, std::move(text));
  }
  Peer* find(PeerId id) {
    const auto found = peers.find(id);
    return found == peers.end() ? nullptr : found->second.get();
  }

  asio::io_context& io;
  const DialerOptions options;
  PeerHandler* handler;  // null: it hears nothing more
  Random random;
  std::shared_ptr<ChannelStock> stock;
  std::map<PeerId, std::unique_ptr<Peer>> peers;
  std::string body;  // of the message being encoded; keeps its capacity
};

// ---- dialling

void PeerDialer::State::Peer::set_timer(Duration after, void (Peer::*what)()) {
  timer.expires_after(after);
  timer.async_wait([owner = state.shared_from_this(), this, what,
                    which = number_of_attempts](const error_code& cancelled) {
    if (!cancelled && owner->handler != nullptr && number_of_attempts == which) (this->*what)();
  });
}

void PeerDialer::State::Peer::dial() {
  phase = Phase::connecting;
  ++number_of_attempts;
  attempt = Attempt::start(state.io, address, number_of_attempts, state.options.connect_timeout,
                           [owner = state.shared_from_this(), this](Result<Socket> connected) {
                             if (!connected) return give_up(connected.error().detail);
                             on_connected(std::move(connected).value());
                           });
}

void PeerDialer::State::Peer::on_connected(Socket socket) {
  Channel::set_up(socket, kPeerKeepaliveIdle);
  Channel::set_silence_max(
      socket, std::chrono::duration_cast<std::chrono::milliseconds>(state.options.silence_max));
  phase = Phase::preamble;
  set_timer(state.options.handshake_timeout, &Peer::on_timeout);
  channel = std::make_shared<Channel>(state.stock, std::move(socket), *this);
  channel->write([](std::string& out) { out.append(wire::peer_preamble()); });
  channel->flush();
  channel->start();
}

/// Ends the attempt or the connection; the next one comes after a pause that doubles each time.
void PeerDialer::State::Peer::give_up(std::string reason) {
  ++number_of_attempts;
  const bool stood = stands();
  const bool greeted_once = phase == Phase::greeted;
  phase = Phase::pausing;
  if (attempt != nullptr) attempt->cancel();
  if (channel != nullptr) channel->close();
  channel = nullptr;
  if (greeted_once || !complained) {
    state.log(LogLevel::info, "peer " + to_string(address) +
                                  (greeted_once ? " is lost: " : " is not reached: ") + reason +
                                  "; dialling again");
    complained = true;
  }
  const DialerOptions& options = state.options;
  // A connection that is dropped as soon as it stands is one more attempt that failed.
  const bool lasted = greeted_once && Clock::now() - greeted_at >= options.backoff_max;
  backoff = lasted || backoff == Duration(0) ? options.backoff_min
                                             : std::min<Duration>(backoff * 2, options.backoff_max);
  const auto most = static_cast<std::uint64_t>(backoff.count());
  set_timer(Duration(state.random.between(most / 2, most)), &Peer::dial);
  if (stood) {
    // Not from within a call of the owner's.
    asio::post(state.io, [owner = state.shared_from_this(), number = id] {
      if (owner->handler != nullptr) owner->handler->on_peer_lost(number);
    });
  }
}

// ---- the handshake

std::size_t PeerDialer::State::Peer::on_bytes(std::string_view bytes) {
  if (phase == Phase::preamble) {
    if (bytes.size() < wire::kPreambleBytes) return 0;
    const auto checked = wire::check_preamble(bytes.substr(0, wire::kPreambleBytes));
    if (!checked) return give_up(checked.error().detail), bytes.size();
    phase = Phase::hello;
    state.handler->on_peer_dialled(id);
    return wire::kPreambleBytes;
  }
  if (phase != Phase::hello) {
    give_up("it sent what nobody asked for");
    return bytes.size();
  }
  if (bytes.size() < wire::kFrameHeaderBytes) return 0;
  const auto header = wire::decode_frame_header(bytes.substr(0, wire::kFrameHeaderBytes));
  if (!header) return give_up(header.error().detail), bytes.size();
  const std::size_t size = wire::kFrameHeaderBytes + header.value().body_bytes;
  if (size > kReplyBytesMax) return give_up("its answer is too large"), bytes.size();
  if (bytes.size() < size) return 0;
  const std::string_view body = bytes.substr(wire::kFrameHeaderBytes, header.value().body_bytes);
  if (const auto checked = wire::check_body(header.value(), body); !checked) {
    return give_up(checked.error().detail), bytes.size();
  }
  on_reply(body);
  return size;
}

void PeerDialer::State::Peer::on_reply(std::string_view body) {
  auto reply = wire::decode_hello_reply(body);
  if (!reply) return give_up(reply.error().detail);
  if (reply.value().accepted) {
    phase = Phase::greeted;
    greeted_at = Clock::now();
    timer.cancel();
    complained = false;
    state.log(LogLevel::info, "peer " + to_string(address) + " is connected");
  }
  state.handler->on_peer_greeted(id, std::move(reply).value());
}

void PeerDialer::State::Peer::write_frame(std::string_view body) {
  char header[wire::kFrameHeaderBytes];
  wire::encode_frame_header(body, header);
  channel->write([&](std::string& out) {
    out.append(header, sizeof header);
    out.append(body);
  });
}

// ---- the face

PeerDialer::PeerDialer(asio::io_context& io, DialerOptions options, PeerHandler& handler,
                       Random random)
    : state_(std::make_shared<State>(io, options, handler, random)) {}

PeerDialer::~PeerDialer() {
  state_->handler = nullptr;
  for (const auto& [id, peer] : state_->peers) {
    peer->timer.cancel();
    if (peer->attempt != nullptr) peer->attempt->cancel();
    if (peer->channel != nullptr) peer->channel->close();
  }
}

void PeerDialer::add(PeerId peer, const Address& address) {
  auto& known = state_->peers[peer];
  if (known != nullptr) {
    if (known->address == address) return;
    known->address = address;
    return known->give_up("its address has changed");
  }
  known = std::make_unique<State::Peer>(*state_, peer, address);
  known->dial();
}

void PeerDialer::send_hello(PeerId peer, const wire::Hello& hello) {
  State::Peer* known = state_->find(peer);
  if (known != nullptr && known->phase == State::Peer::Phase::hello) {
    known->write_frame(wire::encode(hello));
  }
}

void PeerDialer::send(PeerId peer, const consensus::Message& message) {
  State::Peer* known = state_->find(peer);
  if (known == nullptr || known->phase != State::Peer::Phase::greeted) return;
  state_->body.clear();
  wire::encode(message, state_->body);
  known->write_frame(state_->body);
  if (known->channel->queued() > state_->options.output_bytes_max) {
    drop(peer, "it takes no messages: " + std::to_string(known->channel->queued()) +
                   " bytes wait for it");
  }
}

void PeerDialer::flush() {
  for (const auto& [id, peer] : state_->peers) {
    if (peer->channel != nullptr) peer->channel->flush();
  }
}

void PeerDialer::drop(PeerId peer, const std::string& reason) {
  State::Peer* known = state_->find(peer);
  if (known != nullptr && known->stands()) known->give_up(reason);
}

}  // namespace causeway::net
