#include "sim/cluster.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace causeway::sim {

Cluster::Cluster(ClusterSettings settings)
    : settings_(settings),
      random_(settings.seed),
      network_(schedule_, random_, settings.seed, settings.nodes, ends()) {
  CAUSEWAY_CHECK(settings.nodes >= 1 && settings.nodes <= kMachinesMax);
  std::map<std::string, std::string> voters;
  for (std::size_t i = 1; i <= settings.nodes; ++i) {
    names_.push_back(std::to_string(i));
    voters[names_.back()] = "10.0.0." + names_.back() + ":7400";
  }
  for (const Name& name : names_) {
    MachineSettings machine{.name = name, .number = peer_of(name), .voters = voters};
    machine.election_timeout = settings.election_timeout;
    machine.heartbeat_interval = settings.heartbeat_interval;
    machine.journal_bytes_max = settings.journal_bytes_max;
    machine.limits = settings.limits;
    machine.raft_segment_bytes = settings.raft_segment_bytes;
    machine.raft_vital_bytes = settings.raft_vital_bytes;
    machine.journal_segment_bytes = settings.journal_segment_bytes;
    machines_.push_back(std::make_unique<Machine>(schedule_, static_cast<Outside&>(*this), machine,
                                                  random_.next()));
    for (Peer to = 0; to < settings.nodes; ++to) {
      Line& line = network_.line(machine.number, to);
      line.delay_min = settings.delay_min;
      line.delay_max = settings.delay_max;
      line.lost = settings.loss_per_mille;
    }
  }
  network_.lets_pass = [this](Peer from, Peer to, const consensus::Message& message) {
    return !lets_pass || lets_pass(name_of(from), name_of(to), message);
  };
}

Cluster::~Cluster() = default;

Network::Ends Cluster::ends() {
  return {
      .listens = [this](Peer peer) { return ((listening_ >> peer) & 1) != 0; },
      .reads = [this](Peer peer) { return !machines_[peer]->paused(); },
      .awake =
          [this](Peer peer) { return ((dark_ >> peer) & 1) == 0 && !machines_[peer]->asleep(); },
      .give = [this](Peer peer, node::Input&& input) { machines_[peer]->give(std::move(input)); }};
}

Peer Cluster::peer_of(const Name& name) const {
  return static_cast<Peer>(std::find(names_.begin(), names_.end(), name) - names_.begin());
}

double Cluster::seconds() const {
  return std::chrono::duration<double>(schedule_.now().since_start).count() - 1;
}

void Cluster::observe(Observer& observer) {
  observer_ = &observer;
  for (const auto& machine : machines_) machine->observer = &observer;
  network_.on_message = [&observer](Peer from, Peer to, Network::Fate fate,
                                    const consensus::Message* message) {
    if (fate == Network::Fate::sent) return observer.sent(from, to, *message);
    if (fate == Network::Fate::delivered) return observer.delivered(from, to, *message);
    observer.befell(from, to, fate);
  };
}

// ---- the world

Result<void> Cluster::try_start(const Name& name) {
  ended_by_itself.erase(name);
  dark_ &= ~(std::uint32_t{1} << peer_of(name));
  return node(name).start();
}

void Cluster::kill(const Name& name, std::size_t table_kept) {
  node(name).kill(table_kept);
  if (observer_ != nullptr) observer_->died(peer_of(name), Death::kill);
  gone(peer_of(name));
}

void Cluster::lose_power(const Name& name) {
  node(name).lose_power();
  if (observer_ != nullptr) observer_->died(peer_of(name), Death::power);
  dark_ |= std::uint32_t{1} << peer_of(name);
  gone(peer_of(name));
}

void Cluster::wipe(const Name& name) {
  if (node(name).running()) node(name).kill();
  node(name).wipe();
  put_back.erase(name);
  if (observer_ != nullptr) observer_->died(peer_of(name), Death::wipe);
  gone(peer_of(name));
}

void Cluster::restore(const Name& name, const DataDirectory& image) {
  if (node(name).running()) node(name).kill();
  node(name).restore(image);
  put_back.insert(name);
  if (observer_ != nullptr) observer_->died(peer_of(name), Death::old_copy);
  gone(peer_of(name));
}

void Cluster::partition(const std::vector<std::set<Name>>& groups) {
  const auto group_of = [&](const Name& name) {
    return std::find_if(groups.begin(), groups.end(),
                        [&](const auto& group) { return group.contains(name); });
  };
  for (const Name& from : names_) {
    for (const Name& to : names_)
      network_.line(peer_of(from), peer_of(to)).cut = group_of(from) != group_of(to);
  }
  network_.lines_changed();
}

void Cluster::cut(const Name& from, const Name& to) {
  network_.line(peer_of(from), peer_of(to)).cut = true;
  network_.lines_changed();
}

void Cluster::heal() {
  for (Peer from = 0; from < names_.size(); ++from) {
    for (Peer to = 0; to < names_.size(); ++to) network_.line(from, to).cut = false;
  }
  network_.lines_changed();
}

bool Cluster::run_until(const std::function<bool()>& condition, Duration bound) {
  const Instant end = schedule_.now() + bound;
  while (!condition()) {
    if (schedule_.next() > end) {
      schedule_.run_until(end);
      return condition();
    }
    schedule_.run_next();
  }
  return true;
}

// ---- callers

Cluster::CallNumber Cluster::call(const Name& name, wire::Call call, std::uint64_t connection) {
  ++calls_;
  const node::CallHandle handle{.connection = connection, .call = calls_};
  if (observer_ != nullptr) observer_->called(peer_of(name), handle, call);
  node(name).give(node::CallArrived{handle, std::move(call)});
  return calls_;
}

void Cluster::close(const Name& name, std::uint64_t connection) {
  if (observer_ != nullptr) observer_->closed(peer_of(name), connection);
  node(name).give(node::ConnectionClosed{connection});
}

const wire::Reply* Cluster::reply(CallNumber call) const {
  const auto found = replies_.find(call);
  return found == replies_.end() ? nullptr : &found->second;
}

// ---- what machines say

void Cluster::answered(Peer from, node::CallHandle handle, wire::Reply reply) {
  if (observer_ != nullptr) observer_->answered(from, handle.call, reply);
  if (on_answer) on_answer(name_of(from), handle, reply);
  replies_.insert_or_assign(handle.call, std::move(reply));
}

void Cluster::log(Peer from, const node::LogLine& line) {
  if (on_log) on_log(name_of(from), line);
}

void Cluster::gone(Peer peer) {
  ready_nodes.erase(name_of(peer));
  listening_ &= ~(std::uint32_t{1} << peer);
  ((dark_ >> peer) & 1) != 0 ? network_.vanished(peer) : network_.left(peer);
}

void Cluster::ended(Peer from, std::optional<Error> error) {
  if (observer_ != nullptr) observer_->ended(from, error);
  ended_by_itself[name_of(from)] = error;
  gone(from);
  if (on_ended) on_ended(name_of(from), error);
}

void Cluster::ready(Peer from) {
  ready_nodes.insert(name_of(from));
  listening_ |= std::uint32_t{1} << from;
  network_.joined(from);
  if (observer_ != nullptr) observer_->ready(from);
  if (on_ready) on_ready(name_of(from));
}

}  // namespace causeway::sim
