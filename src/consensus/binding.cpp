#include "consensus/binding.hpp"

#include <utility>

namespace causeway::consensus {
namespace {

/// False when there was nothing to do.
bool bind(Member& member, Origin origin) {
  if (origin == Origin{} || member.origin != Origin{}) return false;
  member.origin = origin;
  return true;
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
  Configuration configuration = configuration_of(state);
  if (bind_connected(state, configuration)) append(state, out, configuration);
}

void bar(RaftState& state, Effects& out, Peer peer) {
  if (!is_counted(state, peer)) return;
  Configuration configuration = configuration_of(state);
  configuration.members[peer].barred = true;
  append(state, out, configuration);
}

}  // namespace causeway::consensus
