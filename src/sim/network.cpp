// Lines and messages. network_dialling.cpp and network_ends.cpp: how connections come and go.
#include "sim/network.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "wire/peer.hpp"

namespace causeway::sim {
namespace {

// What comes later than this holds up all that is behind it on its connection: longer, and a line
// would go on being ill long after its fault is over.
constexpr Duration kLatest = std::chrono::seconds(3);

void fill_header(std::string& frame) {
  char header[wire::kFrameHeaderBytes];
  wire::encode_frame_header(std::string_view(frame).substr(wire::kFrameHeaderBytes), header);
  frame.replace(0, sizeof header, header, sizeof header);
}

}  // namespace

std::string framed(std::string body) {
  body.insert(0, wire::kFrameHeaderBytes, '\0');
  fill_header(body);
  return body;
}

std::string_view body_of(std::string_view frame) {
  const auto header = wire::decode_frame_header(frame.substr(0, wire::kFrameHeaderBytes));
  const std::string_view body = frame.substr(wire::kFrameHeaderBytes);
  const bool good =
      header && header.value().body_bytes == body.size() && wire::check_body(header.value(), body);
  return good ? body : std::string_view();
}

std::optional<consensus::Message> message_of(const Blob& frame) {
  const std::string_view body = body_of(frame.view());
  if (body.empty()) return {};
  const auto at = static_cast<std::size_t>(body.data() - frame.view().data());
  auto message = wire::decode_message(frame.slice(at, body.size()));
  CAUSEWAY_CHECK(message.has_value());  // what is whole was sent so
  return std::move(message).value();
}

Network::Network(Schedule& schedule, Random& random, std::uint64_t seed, std::size_t machines,
                 Ends ends)
    : schedule_(schedule),
      random_(random),
      dice_(seed ^ 0x6e6574),
      machines_(machines),
      ends_(std::move(ends)) {
  CAUSEWAY_CHECK(machines <= kMachinesMax);
}

Duration Network::delay(const Line& line) {
  const Duration usual(static_cast<std::int64_t>(
      random_.between(static_cast<std::uint64_t>(line.delay_min.count()),
                      static_cast<std::uint64_t>(line.delay_max.count()))));
  if (line.late == 0 || random_.below(1000) >= line.late) return usual;
  return std::max(usual, std::min(100 * usual, kLatest));
}

// ---- lines

void Network::lines_changed() {
  for (Peer from = 0; from < machines_; ++from) {
    for (Peer to = 0; to < machines_; ++to) {
      if (!both_ways(from, to)) {
        lose(from, to);
      } else if (!passes(from, to)) {
        watch(from, to);
      } else if (whole(from, to)) {
        pairs_[from][to].watch = 0;
      }
    }
  }
  for (Peer from = 0; from < machines_; ++from) {
    for (Peer to = 0; to < machines_; ++to) dial(from, to);
  }
}

// ---- sending

void Network::send(Peer from, Peer to, const consensus::Message& message) {
  Pair& pair = pairs_[from][to];
  const Line& line = pair.line;
  if (pair.link == 0) return;
  std::string& frame = frame_;
  frame.assign(wire::kFrameHeaderBytes, '\0');
  wire::encode(message, frame);
  fill_header(frame);
  tell(from, to, Fate::sent, &message);
  const auto draws = [&](std::uint64_t of_thousand) {
    return of_thousand != 0 && random_.below(1000) < of_thousand;
  };
  if (!pair.accepted || pair.forgotten) {
    if (refutes(from, to) && pair.watch != 0)
      schedule_.after(line.delay_max, [=, this, number = pair.watch] { look(from, to, number); });
    return tell(from, to, Fate::lost);
  }
  const bool unwanted = line.lost_kind == static_cast<int>(message.index()) ||
                        (lets_pass && !lets_pass(from, to, message));
  if (unwanted || draws(line.lost)) return tell(from, to, Fate::lost);
  const std::size_t copies = draws(line.doubled) ? 2 : 1;
  for (std::size_t copy = 1; copy <= copies; ++copy) {
    Instant at = schedule_.now() + delay(line);
    if (!draws(line.reordered)) at = pair.last_arrival = std::max(pair.last_arrival, at);
    if (copy != 1) tell(from, to, Fate::doubled);
    if (draws(line.damaged)) {
      tell(from, to, Fate::damaged);
      const std::uint64_t bit = random_.below(frame.size() * 8);
      frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << (bit % 8)));
    }
    pair.queued += frame.size();
    deliver(from, to, pair.link, at, Blob::copy_of(frame));
  }
  if (pair.queued <= limits.output_bytes_max) return;
  tell(from, to, Fate::overflowed);
  dialler_ends(from, to);
}

// ---- arriving

void Network::deliver(Peer from, Peer to, std::uint64_t link, Instant at, Blob frame) {
  schedule_.at(at, [this, from, to, link, frame = std::move(frame)]() mutable {
    Pair& pair = pairs_[from][to];
    if (pair.link != link || !pair.accepted) return tell(from, to, Fate::stale);
    if (!ends_.reads(to)) return keep(from, to, std::move(frame));
    pair.queued -= frame.size();
    arrived(from, to, frame);
  });
}

// The kernel of a machine whose process stands still takes a little. Then it announces a closed
// window, and who dialled bears that as long as any silence.
void Network::keep(Peer from, Peer to, Blob frame) {
  Pair& pair = pairs_[from][to];
  const bool had_room = pair.unread_bytes <= limits.receive_bytes;
  pair.unread_bytes += frame.size();
  pair.unread.push_back(std::move(frame));
  if (!had_room || pair.unread_bytes <= limits.receive_bytes) return;
  schedule_.after(limits.silence_max, [=, this, link = pair.link, readings = pair.readings] {
    if (pairs_[from][to].link != link || pairs_[from][to].readings != readings) return;
    tell(from, to, Fate::overflowed);
    dialler_ends(from, to);
  });
}

// All that was kept; what one of them ends, ends it for those behind.
void Network::read(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  const std::uint64_t link = pair.link;
  ++pair.readings;
  pair.unread_bytes = 0;
  for (const Blob& frame : std::exchange(pair.unread, {})) {
    if (pair.link != link || !pair.accepted) return tell(from, to, Fate::stale);
    pair.queued -= frame.size();
    arrived(from, to, frame);
  }
}

// As net does: a frame that is not what was sent ends the connection.
void Network::arrived(Peer from, Peer to, const Blob& frame) {
  auto message = message_of(frame);
  if (!message) return accepter_ends(from, to);
  tell(from, to, Fate::delivered, &*message);
  ends_.give(to, node::LinkMessage{pairs_[from][to].link, std::move(*message)});
}

void Network::forget_frames(Pair& pair) {
  ++pair.readings;
  pair.queued = 0;
  pair.unread_bytes = 0;
  pair.unread.clear();
}

void Network::stood_still(Peer peer) {
  for (Peer other = 0; other < machines_; ++other) {
    if (other == peer || ends_.awake(peer)) continue;
    watch(other, peer);
    watch_accepted(peer, other);
  }
}

void Network::went_on(Peer peer) {
  for (Peer other = 0; other < machines_; ++other) {
    if (pairs_[other][peer].link != 0) read(other, peer);
    if (std::exchange(pairs_[other][peer].connected, false)) dialled(other, peer);
    dial(peer, other);
  }
}

}  // namespace causeway::sim
