#include "consensus/binding.hpp"

#include <algorithm>
#include <utility>

#include "consensus/roles.hpp"

namespace causeway::consensus {
namespace {

/// False when there was nothing to do.
bool bind(Member& member, Origin origin) {
  if (origin == Origin{} || member.origin != Origin{}) return false;
  member.origin = origin;
  return true;
}

bool is_new_contact(const RaftState& state, Peer peer) {
  const Link& link = state.links[peer];
  return link.up && link.origin != Origin{} && binding_of(state, peer) == Origin{};
}

bool bind_connected(const RaftState& state, Configuration& configuration) {
  bool bound = false;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    const Link& link = state.links[peer];
    if (peer == state.self || !link.up) continue;
    if (bind(configuration.members[peer], link.origin)) bound = true;
  }
  return bound;
}

void write_start(RaftState& state, Effects& out) {
  write_hard_state(state, out);
  state.start_ticket = out.ticket;
}

void append(RaftState& state, Effects& out, const Configuration& configuration) {
  append_as_leader(state, out, EntryKind::configuration, Blob::copy_of(configuration.encode()));
}

}  // namespace

void append_opening_configuration(RaftState& state, Effects& out) {
  Configuration configuration = configuration_of(state);
  if (configuration.cluster == 0) configuration.cluster = state.random.id();
  bind(configuration.members[state.self], state.options.origin);
  // First those that voted: a name may be connected as another directory by now, but this one's
  // promise was counted.
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    bind(configuration.members[peer], state.candidacy.granted[peer]);
  }
  bind_connected(state, configuration);
  append(state, out, configuration);
}

void bind_new_contacts(RaftState& state, Effects& out) {
  Peer peer = 0;
  while (peer < state.links.size() && !is_new_contact(state, peer)) ++peer;
  if (peer == state.links.size()) return;
  Configuration configuration = configuration_of(state);
  if (bind_connected(state, configuration)) append(state, out, configuration);
}

void bar(RaftState& state, Effects& out, Peer peer) {
  if (!is_bound(state, peer, state.links[peer].origin)) return;
  Configuration configuration = configuration_of(state);
  configuration.members[peer].barred = true;
  append(state, out, configuration);
}

void bar_confessed(RaftState& state, Effects& out) {
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    if (state.links[peer].up && state.links[peer].barred) bar(state, out, peer);
  }
}

void count_start(RaftState& state, Effects& out, std::uint64_t known) {
  if (known > state.hard.start) return bar_self(state, out, known);
  ++state.hard.start;
  write_start(state, out);
  heed_bar(state, out);
}

void bar_self(RaftState& state, Effects& out, std::uint64_t known) {
  state.hard.start = std::max(state.hard.start, known) + 1;
  state.hard.barred = state.options.origin;
  write_start(state, out);
  if (state.phase != Phase::follower) become_follower(state, out, state.hard.term, std::nullopt);
}

void heed_bar(RaftState& state, Effects& out) {
  const Member& self = configuration_of(state).members[state.self];
  if (!self.barred || self.origin != state.options.origin) return;
  if (state.hard.barred != state.options.origin) bar_self(state, out, 0);
}

}  // namespace causeway::consensus
