#include "node/peers.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"
#include "kv/command.hpp"

namespace causeway::node {
namespace {

// Each of seven members, and the log, may know of a later start than the others.
constexpr int kMostRaises = 8;

}  // namespace

Peers::Peers(const Options& options) {
  std::string names;
  for (const auto& [name, address] : options.voters) {
    members_.push_back({.name = name, .identity = {}});
    names += name + '\n';
  }
  voters_hash_ = hash64(names);
}

wire::Hello Peers::own_hello(const Core& core) const {
  return {.cluster = core.raft.formed() ? core.raft.configuration().cluster : 0,
          .name = core.options.name,
          .origin = core.options.origin,
          .incarnation = core.options.incarnation,
          .start_number = core.raft.start_number().value(),
          .voters_hash = voters_hash_,
          .barred = core.raft.barred()};
}

bool Peers::follow_start(Turn& turn) {
  const std::optional<std::uint64_t> number = turn.core.raft.start_number();
  if (std::exchange(start_number_, number) == number) return false;
  if (!number) {
    drop_all(turn);
    return false;
  }
  for (consensus::Peer peer = 0; peer < members_.size(); ++peer) {
    if (members_[peer].dialled) turn.out.hellos.push_back({peer, own_hello(turn.core)});
  }
  for (const auto& [link, hello] : std::exchange(waiting_, {})) this->hello(turn, link, hello);
  return true;
}

void Peers::drop_all(Turn& turn) {
  for (consensus::Peer peer = 0; peer < members_.size(); ++peer) {
    if (!members_[peer].dialled) continue;
    turn.out.drop_peers.push_back({peer, "this directory is an old copy"});
    lost(turn, peer);
  }
  for (const auto& [link, _] : std::exchange(links_, {}))
    turn.out.drop_links.push_back({link, "this directory is an old copy"});
}

void Peers::heard_of(const kv::OriginStart& start) {
  kv::OriginStart& newest = newest_[start.origin].start;
  if (start.number >= newest.number) newest = start;  // of two equal ones the log knows better
}

void Peers::started(const kv::OriginStart& start) {
  heard_of(start);
  newest_[start.origin].in_state = true;
}

void Peers::shown(Member& member, const wire::Hello& hello) {
  const auto before = newest_.find(std::exchange(member.shown, hello.origin));
  if (before != newest_.end() && before->first != hello.origin && !before->second.in_state)
    newest_.erase(before);
  heard_of({hello.origin, hello.incarnation, hello.start_number});
}

void Peers::applied(Turn& turn, const kv::OriginStart& start) {
  started(start);
  for (consensus::Peer peer = 0; peer < members_.size(); ++peer) {
    if (!members_[peer].up || !members_[peer].identity.is_older_than(start)) continue;
    turn.out.drop_peers.push_back({peer, "a later start of this peer is known"});
    lost(turn, peer);
  }
  std::erase_if(links_, [&](const auto& link) {
    if (!link.second.identity.is_older_than(start)) return false;
    turn.out.drop_links.push_back({link.first, "a later start of this peer is known"});
    return true;
  });
}

bool Peers::Identity::is_older_than(const kv::OriginStart& start) const {
  return origin == start.origin && incarnation != start.incarnation && start_number <= start.number;
}

void Peers::overtaken(Turn& turn, std::uint64_t known) {
  if (raises_++ < kMostRaises)
    return turn.core.raft.start_is_old(turn.now, known, turn.core.raft_out);
  turn.out.failed = Error{Errc::unavailable,
                          "another start of this data directory took over from this one again and "
                          "again: a copy of it runs; stop one of the two"};
}

void Peers::dialled(Turn& turn, consensus::Peer peer) {
  members_.at(peer).dialled = true;
  // What has become durable since the last flush is said to all by the next one.
  if (start_number_ && start_number_ == turn.core.raft.start_number())
    turn.out.hellos.push_back({peer, own_hello(turn.core)});
}

std::string Peers::refusal(const Core& core, const wire::Hello& hello,
                           std::uint64_t& exceed) const {
  const std::uint64_t cluster = core.raft.formed() ? core.raft.configuration().cluster : 0;
  if (hello.voters_hash != voters_hash_)
    return "it was started with other voters: --cluster must name the same ids on each node";
  if (cluster != 0 && hello.cluster != 0 && cluster != hello.cluster)
    return "it belongs to another cluster";
  if (hello.origin == core.options.origin)
    return "it shows this node's own origin: one data directory is a copy of the other";
  const auto newest = newest_.find(hello.origin);
  const Identity shown{hello.origin, hello.incarnation, hello.start_number};
  if (newest == newest_.end() || !shown.is_older_than(newest->second.start)) return {};
  exceed = newest->second.start.number;
  return "a later start of this data directory is known";
}

void Peers::greeted(Turn& turn, consensus::Peer peer, const wire::HelloReply& reply) {
  Member& member = members_.at(peer);
  if (!member.dialled) return;
  if (!reply.accepted) {
    turn.log(LogLine::Level::warn, member.name + " refuses this node: " + reply.reason);
    turn.out.drop_peers.push_back({peer, "refused"});
    if (reply.exceed_number >= turn.core.raft.start_number().value_or(UINT64_MAX))
      overtaken(turn, reply.exceed_number);
    return;
  }
  std::uint64_t exceed = 0;
  std::string reason =
      reply.hello.name == member.name
          ? refusal(turn.core, reply.hello, exceed)
          : "the node there calls itself " + reply.hello.name + ": mend the address in --cluster";
  if (!reason.empty()) {
    turn.log(LogLine::Level::warn, "not talking to " + member.name + ": " + reason);
    turn.out.drop_peers.push_back({peer, std::move(reason)});
    return;
  }
  member.up = true;
  member.identity = {reply.hello.origin, reply.hello.incarnation, reply.hello.start_number};
  shown(member, reply.hello);
  drop_links(turn, peer, member.identity);
  turn.core.raft.peer_up(turn.now, peer, member.identity.origin, member.identity.incarnation,
                         turn.core.raft_out);
  if (reply.hello.barred) turn.core.raft.peer_is_barred(peer);
}

void Peers::lost(Turn& turn, consensus::Peer peer) {
  Member& member = members_.at(peer);
  member.dialled = false;
  if (std::exchange(member.up, false)) turn.core.raft.peer_down(turn.now, peer, turn.core.raft_out);
}

void Peers::hello(Turn& turn, std::uint64_t link, const wire::Hello& hello) {
  if (!turn.core.raft.start_number()) return waiting_.emplace_back(link, hello), void();
  wire::HelloReply reply{
      .accepted = false, .hello = own_hello(turn.core), .reason = {}, .exceed_number = 0};
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [&](const Member& member) { return member.name == hello.name; });
  if (found == members_.end() || hello.name == turn.core.options.name) {
    reply.reason = "no voter of this cluster has that id, other than this node";
  } else {
    reply.reason = refusal(turn.core, hello, reply.exceed_number);
  }
  reply.accepted = reply.reason.empty();
  if (reply.accepted) {
    const auto peer = static_cast<consensus::Peer>(found - members_.begin());
    const Identity identity{hello.origin, hello.incarnation, hello.start_number};
    drop_links(turn, peer, identity);
    links_[link] = {peer, identity};
    shown(*found, hello);
    if (found->up && found->identity !=
                         identity) {  // it has started again and the old connection has not noticed
      turn.out.drop_peers.push_back({peer, "the peer has started again"});
      lost(turn, peer);
    }
  } else {
    turn.log(LogLine::Level::warn, "refusing " + hello.name + ": " + reply.reason);
  }
  turn.out.link_answers.push_back({link, std::move(reply)});
}

void Peers::drop_links(Turn& turn, consensus::Peer peer, const Identity& other_than) {
  for (auto at = links_.begin(); at != links_.end();) {
    if (at->second.peer != peer || at->second.identity == other_than) {
      ++at;
      continue;
    }
    turn.out.drop_links.push_back({at->first, "an earlier start of this peer"});
    at = links_.erase(at);
  }
}

bool Peers::may_forward(const consensus::Forward& forward, Origin origin) {
  return std::all_of(forward.items.begin(), forward.items.end(),
                     [origin](const consensus::Forward::Item& item) {
                       const auto command = kv::decode(item.payload);
                       if (!command) return false;
                       if (const auto* write = std::get_if<kv::Write>(&command.value()))
                         return write->call.origin == origin;
                       if (const auto* settle = std::get_if<kv::Settle>(&command.value()))
                         return settle->origin == origin;
                       return std::get<kv::Start>(command.value()).origin == origin;
                     });
}

void Peers::message(Turn& turn, std::uint64_t link, consensus::Message message) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const Member& member = members_[found->second.peer];
  if (!member.up || member.identity != found->second.identity) return;
  const auto* forward = std::get_if<consensus::Forward>(&message);
  if (forward != nullptr && !may_forward(*forward, member.identity.origin)) {
    turn.log(LogLine::Level::error,
             member.name + " forwards what is no command of its own: closing its connection");
    turn.out.drop_links.push_back({link, "a malformed command"});
    links_.erase(found);
    return;
  }
  turn.core.raft.receive(turn.now, found->second.peer, std::move(message), turn.core.raft_out);
}

void Peers::link_lost(std::uint64_t link) {
  links_.erase(link);
  std::erase_if(waiting_, [link](const auto& each) { return each.first == link; });
}

void Peers::keep_sendable(std::vector<PeerSend>& messages) const {
  std::erase_if(messages, [this](const PeerSend& send) { return !members_.at(send.peer).up; });
}

}  // namespace causeway::node
