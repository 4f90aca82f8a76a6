// How connections are dialled and greeted.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "sim/network.hpp"
#include "wire/peer.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;

// A late step of a handshake: some are later than the handshake may take.
constexpr std::uint64_t kLateMs = 15'000;

Network::Fate next(Network::Fate fate, int steps) {
  return static_cast<Network::Fate>(static_cast<int>(fate) + steps);
}

}  // namespace

/// Of this attempt to dial: of another one it is nobody's.
void Network::after(Duration delay, Peer from, Peer to, void (Network::*what)(Peer, Peer)) {
  schedule_.after(delay, [this, from, to, what, attempt = pairs_[from][to].attempt] {
    if (pairs_[from][to].attempt == attempt) (this->*what)(from, to);
  });
}

// ---- dialling

void Network::joined(Peer peer) {
  for (Peer other = 0; other < machines_; ++other) {
    dial(peer, other);
    dial(other, peer);
  }
}

void Network::dial(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  if (from == to || pair.link != 0 || pair.dialling) return;
  if (!ends_.listens(from) || !ends_.reads(from)) return;
  if (!both_ways(from, to)) return;  // lines_changed tells when it is worth it again
  pair.dialling = true;
  ++pair.attempt;
  knock(from, to, false);
}

void Network::knock(Peer from, Peer to, bool again) {
  Pair& pair = pairs_[from][to];
  if (!both_ways(from, to)) return failed(from, to);
  const Step step = draw_step(pair.line);
  if (!passes(from, to) || step == Step::lost) return unanswered(from, to, again);
  if (!ends_.listens(to) || step == Step::damaged) {  // refused; or what it says cannot be
    pair.unreached = step == Step::damaged;
    return failed(from, to);
  }
  const Duration more = step == Step::late ? milliseconds(dice_.below(kLateMs) / 10) : Duration(0);
  after(delay(pair.line) + more, from, to, &Network::connect);
}

void Network::unanswered(Peer from, Peer to, bool again) {
  tell(from, to, Fate::unanswered);
  pairs_[from][to].unreached = true;
  reckon(from, to);
  if (again) return after(limits.connect_again, from, to, &Network::failed);
  schedule_.after(limits.connect_again, [this, from, to, attempt = pairs_[from][to].attempt] {
    if (pairs_[from][to].attempt == attempt) knock(from, to, true);
  });
}

void Network::connect(Peer from, Peer to) {
  if (!both_ways(from, to) || !passes(from, to) || !ends_.listens(to)) return failed(from, to);
  if (ends_.reads(to)) return dialled(from, to);
  // Its kernel accepts; the first words are up to the process.
  pairs_[from][to].connected = true;
  after(limits.handshake_timeout, from, to, &Network::failed);
}

void Network::dialled(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  ++pair.attempt;
  pair.dialling = false;
  pair.unreached = false;
  pair.link = link_number(++links_, from, to);
  pair.greeted = pair.hello_taken = pair.answered = pair.forgotten = pair.resets = pair.ill = false;
  pair.accepted = true;
  pair.watch = 0;
  pair.last_arrival = {};
  forget_frames(pair);
  reckon(from, to);
  ends_.give(from, node::PeerDialled{to});
  schedule_.after(limits.handshake_timeout,
                  [this, from, to, link = pair.link] { handshake_over(from, to, link); });
}

void Network::failed(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  pair.connected = false;
  pair.dialling = false;
  reckon(from, to);
  pause_then_dial(from, to);
}

// The pause doubles until a connection has lasted.
void Network::pause_then_dial(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  if (!both_ways(from, to) || !ends_.listens(from)) return;
  const bool lasted = pair.greeted && schedule_.now() - pair.greeted_at >= limits.backoff_max;
  pair.greeted = false;
  pair.backoff = lasted || pair.backoff == Duration(0)
                     ? limits.backoff_min
                     : std::min(2 * pair.backoff, limits.backoff_max);
  const auto most = static_cast<std::uint64_t>(pair.backoff.count());
  pair.dialling = true;
  ++pair.attempt;
  schedule_.after(Duration(static_cast<std::int64_t>(dice_.between(most / 2, most))),
                  [this, from, to, attempt = pair.attempt] {
                    if (pairs_[from][to].attempt != attempt) return;
                    pairs_[from][to].dialling = false;
                    dial(from, to);
                  });
}

// ---- the handshake

Network::Step Network::draw_step(const Line& line) {
  if (line.handshakes == 0 || dice_.below(1000) >= line.handshakes) return Step::well;
  return static_cast<Step>(dice_.between(1, 3));
}

/// first   the fate of what is lost; behind it stand those of what is damaged, and late
void Network::spoil(Peer from, Peer to, Step step, Fate first, std::string& frame) {
  if (step == Step::well) return;
  tell(from, to, next(first, static_cast<int>(step) - 1));
  pairs_[from][to].ill = true;
  reckon(from, to);
  const std::uint64_t bit = dice_.below(frame.size() * 8);
  if (step == Step::damaged) frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << (bit % 8)));
}

void Network::hello(Peer from, Peer to, const wire::Hello& hello) {
  Pair& pair = pairs_[from][to];
  if (pair.link == 0 || pair.greeted) return;
  std::string frame = framed(wire::encode(hello));
  Step step = draw_step(pair.line);
  if (closed(pair.line) || !pair.accepted || pair.forgotten) step = Step::lost;
  spoil(from, to, step, Fate::hello_lost, frame);
  if (step == Step::lost) return;
  const Duration more = step == Step::late ? milliseconds(dice_.below(kLateMs)) : Duration(0);
  schedule_.after(delay(pair.line) + more,
                  [this, from, to, link = pair.link, frame = std::move(frame)] {
                    const Pair& then = pairs_[from][to];
                    if (then.link == link && then.accepted) hello_arrived(from, to, frame);
                  });
}

void Network::hello_arrived(Peer from, Peer to, const std::string& frame) {
  const std::string_view body = body_of(frame);
  const bool second = std::exchange(pairs_[from][to].hello_taken, true);
  if (body.empty() || second) return accepter_ends(from, to);  // as net's session does
  auto hello = wire::decode_hello(body);
  CAUSEWAY_CHECK(hello.has_value());
  ends_.give(to, node::LinkHello{pairs_[from][to].link, std::move(hello).value()});
}

void Network::link_answer(std::uint64_t link, const wire::HelloReply& reply) {
  const Peer from = dialler_of(link);
  const Peer to = accepter_of(link);
  Pair& pair = pairs_[from][to];
  if (pair.link != link || !pair.accepted) return;
  pair.answered = true;
  const Line& back = pairs_[to][from].line;
  std::string frame = framed(wire::encode(reply));
  Step step = draw_step(back);
  if (closed(back) || pair.forgotten) step = Step::lost;
  spoil(from, to, step, Fate::reply_lost, frame);
  if (step == Step::lost) return;
  const Duration more = step == Step::late ? milliseconds(dice_.below(kLateMs)) : Duration(0);
  schedule_.after(delay(back) + more, [this, from, to, link, frame = std::move(frame)] {
    if (pairs_[from][to].link == link) reply_arrived(from, to, frame);
  });
}

void Network::reply_arrived(Peer from, Peer to, const std::string& frame) {
  const std::string_view body = body_of(frame);
  if (body.empty()) return dialler_ends(from, to);
  auto reply = wire::decode_hello_reply(body);
  CAUSEWAY_CHECK(reply.has_value());
  Pair& pair = pairs_[from][to];
  const bool accepted = reply.value().accepted;
  pair.greeted = accepted;
  pair.greeted_at = schedule_.now();
  pair.ill = false;
  reckon(from, to);
  ends_.give(from, node::PeerGreeted{to, std::move(reply).value()});
  if (!accepted) lose(from, to);
}

// Either process gives up by its own clock; one that stands still does so when it goes on.
void Network::handshake_over(Peer from, Peer to, std::uint64_t link) {
  const Pair& pair = pairs_[from][to];
  if (pair.link != link || pair.greeted) return;
  const bool accepter_waits = pair.accepted && !pair.answered && ends_.reads(to);
  if (ends_.reads(from)) {
    tell(from, to, Fate::timed_out);
    dialler_ends(from, to);
  } else if (accepter_waits) {
    tell(from, to, Fate::timed_out);
    accepter_ends(from, to);
  } else {
    schedule_.after(limits.connect_again, [=, this] { handshake_over(from, to, link); });
  }
}

}  // namespace causeway::sim
