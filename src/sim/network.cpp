#include "sim/network.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "wire/peer.hpp"

namespace causeway::sim {
namespace {

constexpr Duration kRedial = std::chrono::milliseconds(50);
// What comes later than this holds up all that is behind it on its connection: longer, and a line
// would go on being ill long after its fault is over.
constexpr Duration kLatest = std::chrono::seconds(3);

// A link's number names the pair, so that an answer finds its connection.
std::uint64_t link_number(std::uint64_t count, Peer from, Peer to) {
  return count * 64 + std::uint64_t{from} * 8 + to;
}
Peer dialler_of(std::uint64_t link) { return static_cast<Peer>(link / 8 % 8); }
Peer accepter_of(std::uint64_t link) { return static_cast<Peer>(link % 8); }

}  // namespace

Network::Network(Schedule& schedule, Random& random, std::size_t machines, Ends ends)
    : schedule_(schedule), random_(random), machines_(machines), ends_(std::move(ends)) {
  CAUSEWAY_CHECK(machines <= kMachinesMax);
}

Duration Network::delay(const Line& line) {
  const Duration usual(static_cast<std::int64_t>(
      random_.between(static_cast<std::uint64_t>(line.delay_min.count()),
                      static_cast<std::uint64_t>(line.delay_max.count()))));
  if (line.late == 0 || random_.below(1000) >= line.late) return usual;
  return std::max(usual, std::min(100 * usual, kLatest));
}

// ---- connections

void Network::lines_changed() {
  for (Peer from = 0; from < machines_; ++from) {
    for (Peer to = 0; to < machines_; ++to) {
      if (!both_ways(from, to)) lose(from, to);
    }
  }
  for (Peer from = 0; from < machines_; ++from) {
    for (Peer to = 0; to < machines_; ++to) dial(from, to);
  }
}

void Network::joined(Peer peer) {
  for (Peer other = 0; other < machines_; ++other) {
    dial(peer, other);
    dial(other, peer);
  }
}

void Network::left(Peer peer) {
  for (Peer other = 0; other < machines_; ++other) {
    lose(peer, other);
    lose(other, peer);
  }
}

void Network::dial(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  if (from == to || pair.link != 0 || pair.dialling || !ends_.listens(from)) return;
  pair.dialling = true;
  const bool can = both_ways(from, to) && ends_.listens(to);
  schedule_.after(can ? delay(pair.line) : kRedial,
                  [this, from, to, can] { dialled(from, to, can); });
}

void Network::dialled(Peer from, Peer to, bool can) {
  Pair& pair = pairs_[from][to];
  pair.dialling = false;
  if (!can || !reaches(from, to) || !ends_.listens(to) || !ends_.listens(from)) {
    if (reaches(from, to)) dial(from, to);  // a line that is mended is dialled anew otherwise
    return;
  }
  pair.link = link_number(++links_, from, to);
  pair.last_arrival = {};
  ends_.give(from, node::PeerDialled{to});
}

void Network::lose(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  const std::uint64_t link = std::exchange(pair.link, 0);
  if (link == 0) return;
  ends_.give(from, node::PeerLost{to});
  ends_.give(to, node::LinkLost{link});
  schedule_.after(kRedial, [this, from, to] { dial(from, to); });
}

void Network::drop_link(std::uint64_t link) {
  const Peer from = dialler_of(link);
  const Peer to = accepter_of(link);
  if (pairs_[from][to].link == link) lose(from, to);
}

// ---- the handshake

void Network::hello(Peer from, Peer to, const wire::Hello& hello) {
  Pair& pair = pairs_[from][to];
  if (pair.link == 0) return;
  auto decoded = wire::decode_hello(wire::encode(hello));
  CAUSEWAY_CHECK(decoded.has_value());
  schedule_.after(delay(pair.line),
                  [this, from, to, link = pair.link, hello = std::move(decoded).value()] {
                    if (pairs_[from][to].link == link) ends_.give(to, node::LinkHello{link, hello});
                  });
}

void Network::link_answer(std::uint64_t link, const wire::HelloReply& reply) {
  const Peer from = dialler_of(link);
  const Peer to = accepter_of(link);
  auto decoded = wire::decode_hello_reply(wire::encode(reply));
  CAUSEWAY_CHECK(decoded.has_value());
  schedule_.after(delay(pairs_[to][from].line),
                  [this, from, to, link, reply = std::move(decoded).value()] {
                    if (pairs_[from][to].link != link) return;
                    ends_.give(from, node::PeerGreeted{to, reply});
                    if (!reply.accepted) lose(from, to);
                  });
}

// ---- messages

void Network::send(Peer from, Peer to, const consensus::Message& message) {
  Pair& pair = pairs_[from][to];
  const Line& line = pair.line;
  if (pair.link == 0) return;
  std::string& frame = frame_;
  frame.assign(wire::kFrameHeaderBytes, '\0');
  wire::encode(message, frame);
  const std::string_view body = std::string_view(frame).substr(wire::kFrameHeaderBytes);
  char header[wire::kFrameHeaderBytes];
  wire::encode_frame_header(body, header);
  frame.replace(0, sizeof header, header, sizeof header);
  tell(from, to, Fate::sent, &message);
  const auto draws = [&](std::uint64_t of_thousand) {
    return of_thousand != 0 && random_.below(1000) < of_thousand;
  };
  const bool unwanted = line.lost_kind == static_cast<int>(message.index()) ||
                        (lets_pass && !lets_pass(from, to, message));
  if (unwanted || draws(line.lost)) return tell(from, to, Fate::lost);
  const std::size_t copies = draws(line.doubled) ? 2 : 1;
  for (std::size_t copy = 0; copy < copies; ++copy) {
    Instant at = schedule_.now() + delay(line);
    if (!draws(line.reordered)) at = pair.last_arrival = std::max(pair.last_arrival, at);
    if (copy != 0) tell(from, to, Fate::doubled);
    if (draws(line.damaged)) {
      tell(from, to, Fate::damaged);
      const std::uint64_t bit = random_.below(frame.size() * 8);
      frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << (bit % 8)));
    }
    deliver(from, to, pair.link, at, Blob::copy_of(frame));
  }
}

void Network::deliver(Peer from, Peer to, std::uint64_t link, Instant at, Blob frame) {
  schedule_.at(at, [this, from, to, link, frame = std::move(frame)] {
    if (pairs_[from][to].link == link) {
      arrived(from, to, frame);
    } else {
      tell(from, to, Fate::stale);
    }
  });
}

// As net does: a frame that is not what was sent ends the connection.
void Network::arrived(Peer from, Peer to, const Blob& frame) {
  const auto header = wire::decode_frame_header(frame.view().substr(0, wire::kFrameHeaderBytes));
  const Blob body = frame.slice(wire::kFrameHeaderBytes, frame.size() - wire::kFrameHeaderBytes);
  if (!header || header.value().body_bytes != body.size() ||
      !wire::check_body(header.value(), body.view()))
    return lose(from, to);
  auto message = wire::decode_message(body);
  CAUSEWAY_CHECK(message.has_value());
  tell(from, to, Fate::delivered, &message.value());
  ends_.give(to, node::LinkMessage{pairs_[from][to].link, std::move(message).value()});
}

}  // namespace causeway::sim
