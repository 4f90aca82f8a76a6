#include "support/virtual_cluster.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "wire/peer.hpp"

namespace causeway::testing {
namespace {

constexpr Duration kRedial = std::chrono::milliseconds(50);

}  // namespace

VirtualCluster::VirtualCluster(ClusterSettings settings)
    : settings_(settings), random_(settings.seed) {
  std::map<std::string, std::string> voters;
  for (std::size_t i = 1; i <= settings.nodes; ++i) {
    order_.push_back(std::to_string(i));
    voters[order_.back()] = "10.0.0." + order_.back() + ":7400";
  }
  for (const Name& name : order_) {
    NodeSettings node{.name = name, .voters = voters};
    node.election_timeout = settings.election_timeout;
    node.heartbeat_interval = settings.heartbeat_interval;
    node.journal_bytes_max = settings.journal_bytes_max;
    node.limits = settings.limits;
    node.raft_segment_bytes = settings.raft_segment_bytes;
    node.journal_segment_bytes = settings.journal_segment_bytes;
    nodes_[name] =
        std::make_unique<VirtualNode>(time_, static_cast<Outside&>(*this), node, random_.next());
  }
}

VirtualCluster::~VirtualCluster() = default;

std::vector<VirtualCluster::Name> VirtualCluster::names() const { return order_; }

double VirtualCluster::seconds() const {
  return std::chrono::duration<double>(time_.now().since_start).count() - 1;
}

Duration VirtualCluster::delay() {
  return Duration(static_cast<std::int64_t>(
      random_.between(static_cast<std::uint64_t>(settings_.delay_min.count()),
                      static_cast<std::uint64_t>(settings_.delay_max.count()))));
}

consensus::Peer VirtualCluster::peer_of(const Name& name) const {
  return static_cast<consensus::Peer>(std::find(order_.begin(), order_.end(), name) -
                                      order_.begin());
}

// ---- the world

Result<void> VirtualCluster::try_start(const Name& name) {
  ended_by_itself.erase(name);
  return nodes_.at(name)->start();
}

void VirtualCluster::start(const Name& name) {
  const auto started = try_start(name);
  if (!started) FAIL("node ", name, " does not start: ", started.error().detail);
  if (!run_until([&] { return ready_nodes.contains(name); }, std::chrono::seconds(30)))
    FAIL("node ", name, " does not get ready");
}

void VirtualCluster::start_all() {
  for (const Name& name : order_) {
    if (!nodes_.at(name)->running()) start(name);
  }
}

void VirtualCluster::kill(const Name& name, std::size_t table_kept) {
  nodes_.at(name)->kill(table_kept);
  lose_all_of(name);
}

void VirtualCluster::lose_power(const Name& name) {
  nodes_.at(name)->lose_power();
  lose_all_of(name);
}

void VirtualCluster::stop(const Name& name) {
  nodes_.at(name)->give(node::StopAsked{});
  if (!run_until([&] { return !nodes_.at(name)->running(); }))
    FAIL("node ", name, " does not stop");
}

void VirtualCluster::partition(const std::vector<std::set<Name>>& groups) {
  const auto group_of = [&](const Name& name) {
    return std::find_if(groups.begin(), groups.end(),
                        [&](const auto& group) { return group.contains(name); });
  };
  cut_.clear();
  for (const Name& from : order_) {
    for (const Name& to : order_) {
      if (group_of(from) != group_of(to)) cut_.emplace(from, to);
    }
  }
  lose_unreachable();
}

void VirtualCluster::cut(const Name& from, const Name& to) {
  cut_.emplace(from, to);
  lose_unreachable();
}

void VirtualCluster::heal() {
  cut_.clear();
  for (const Name& from : order_) {
    for (const Name& to : order_) dial(from, to);
  }
}

void VirtualCluster::run_for(Duration duration) { time_.run_until(time_.now() + duration); }

bool VirtualCluster::run_until(const std::function<bool()>& condition, Duration bound) {
  const Instant end = time_.now() + bound;
  while (!condition()) {
    if (time_.next() > end) {
      time_.run_until(end);
      return condition();
    }
    time_.run_next();
  }
  return true;
}

// ---- connections

void VirtualCluster::dial(const Name& from, const Name& to) {
  const Pair pair(from, to);
  if (from == to || connections_.contains(pair) || !nodes_.at(from)->running() ||
      !ready_nodes.contains(from))
    return;
  if (!dialling_.insert(pair).second) return;
  const bool can = reaches(from, to) && reaches(to, from) && nodes_.at(to)->running() &&
                   ready_nodes.contains(to);
  time_.after(can ? delay() : kRedial, [this, pair, can] {
    dialling_.erase(pair);
    const auto& [dialler, dialled] = pair;
    if (!can || !reaches(dialler, dialled) || !nodes_.at(dialled)->running() ||
        !nodes_.at(dialler)->running()) {
      if (reaches(dialler, dialled)) dial(dialler, dialled);  // a heal dials anew otherwise
      return;
    }
    connections_[pair] = {++links_, false};
    nodes_.at(dialler)->give(node::PeerDialled{peer_of(dialled)});
  });
}

void VirtualCluster::lose(const Name& from, const Name& to) {
  const auto found = connections_.find({from, to});
  if (found == connections_.end()) return;
  const std::uint64_t link = found->second.link;
  connections_.erase(found);
  last_arrival_.erase({from, to});
  nodes_.at(from)->give(node::PeerLost{peer_of(to)});
  nodes_.at(to)->give(node::LinkLost{link});
  time_.after(kRedial, [this, from = Name(from), to = Name(to)] { dial(from, to); });
}

void VirtualCluster::lose_all_of(const Name& name) {
  ready_nodes.erase(name);
  for (const Name& other : order_) {
    lose(name, other);
    lose(other, name);
  }
}

void VirtualCluster::lose_unreachable() {
  for (const Name& from : order_) {
    for (const Name& to : order_) {
      if (!reaches(from, to) || !reaches(to, from)) lose(from, to);
    }
  }
}

std::optional<VirtualCluster::Pair> VirtualCluster::pair_of(std::uint64_t link) const {
  for (const auto& [pair, connection] : connections_) {
    if (connection.link == link) return pair;
  }
  return std::nullopt;
}

void VirtualCluster::hello(const Name& from, consensus::Peer peer, wire::Hello hello) {
  const Pair pair(from, name_of(peer));
  const auto found = connections_.find(pair);
  if (found == connections_.end()) return;
  const auto decoded = wire::decode_hello(wire::encode(hello));
  REQUIRE(decoded);
  time_.after(delay(), [this, pair, link = found->second.link, hello = decoded.value()] {
    if (pair_of(link)) nodes_.at(pair.second)->give(node::LinkHello{link, hello});
  });
}

void VirtualCluster::link_answer(const Name&, std::uint64_t link, wire::HelloReply reply) {
  const auto decoded = wire::decode_hello_reply(wire::encode(reply));
  REQUIRE(decoded);
  time_.after(delay(), [this, link, reply = decoded.value()] {
    const auto pair = pair_of(link);
    if (!pair) return;
    nodes_.at(pair->first)->give(node::PeerGreeted{peer_of(pair->second), reply});
    if (!reply.accepted) lose(pair->first, pair->second);
  });
}

void VirtualCluster::send(const Name& from, consensus::Peer peer, consensus::Message message) {
  const Pair pair(from, name_of(peer));
  const auto found = connections_.find(pair);
  if (found == connections_.end()) return;
  if (lets_pass && !lets_pass(pair.first, pair.second, message)) return;
  if (settings_.loss_per_mille != 0 && random_.below(1000) < settings_.loss_per_mille) return;
  std::string body;
  wire::encode(message, body);
  auto decoded = wire::decode_message(Blob::copy_of(body));
  REQUIRE(decoded);
  REQUIRE(decoded.value() == message);
  Instant& last = last_arrival_[pair];
  last = std::max(last, time_.now() + delay());
  time_.at(last, [this, pair, link = found->second.link, message = std::move(decoded).value()] {
    if (pair_of(link)) nodes_.at(pair.second)->give(node::LinkMessage{link, message});
  });
}

void VirtualCluster::drop_peer(const Name& from, consensus::Peer peer) {
  lose(from, name_of(peer));
}

void VirtualCluster::drop_link(const Name&, std::uint64_t link) {
  if (const auto pair = pair_of(link)) lose(pair->first, pair->second);
}

void VirtualCluster::ready(const Name& from) {
  ready_nodes.insert(from);
  for (const Name& other : order_) {
    dial(from, other);
    dial(other, from);
  }
}

void VirtualCluster::ended(const Name& from, std::optional<Error> error) {
  ended_by_itself[from] = std::move(error);
  lose_all_of(from);
}

void VirtualCluster::log(const Name& from, const node::LogLine& line) {
  if (on_log) on_log(from, line);
}

// ---- callers

void VirtualCluster::answered(const Name& from, node::CallHandle handle, wire::Reply reply) {
  if (on_answer) on_answer(from, handle, reply);
  replies_.insert_or_assign(handle.call, std::move(reply));
}

VirtualCluster::CallNumber VirtualCluster::call(const Name& name, wire::Call call) {
  nodes_.at(name)->give(node::CallArrived{{.connection = 1, .call = ++calls_}, std::move(call)});
  return calls_;
}

const wire::Reply* VirtualCluster::reply(CallNumber call) const {
  const auto found = replies_.find(call);
  return found == replies_.end() ? nullptr : &found->second;
}

const wire::Reply& VirtualCluster::wait(CallNumber call, Duration bound) {
  if (!run_until([&] { return reply(call) != nullptr; }, bound))
    FAIL("call ", call, " is not answered");
  return *reply(call);
}

namespace {

template <class T>
const T& answer_in(const wire::Reply& reply) {
  if (const auto* error = std::get_if<wire::CallError>(&reply)) {
    FAIL("refused: ", std::string(name_of(error->error.code)), ": ", error->error.detail);
  }
  return std::get<T>(std::get<wire::Answer>(reply));
}

}  // namespace

VirtualCluster::CallNumber VirtualCluster::begin_get(const Name& name, std::string key,
                                                     bool consistent,
                                                     std::optional<std::uint64_t> timeout_ms) {
  return call(name, wire::GetCall{
                        .key = std::move(key), .consistent = consistent, .timeout_ms = timeout_ms});
}

VirtualCluster::CallNumber VirtualCluster::begin_set(const Name& name, std::string key,
                                                     std::string value, bool consistent,
                                                     std::optional<std::uint64_t> timeout_ms,
                                                     InDoubt in_doubt) {
  wire::WriteCall write;
  write.key = std::move(key);
  write.value = Blob::copy_of(value);
  write.consistent = consistent;
  write.timeout_ms = timeout_ms;
  write.in_doubt = in_doubt;
  return call(name, std::move(write));
}

Response VirtualCluster::get(const Name& name, std::string key, bool consistent,
                             std::optional<std::uint64_t> timeout_ms) {
  return answer_in<Response>(wait(begin_get(name, std::move(key), consistent, timeout_ms)));
}

Response VirtualCluster::set(const Name& name, std::string key, std::string value, bool consistent,
                             std::optional<std::uint64_t> timeout_ms) {
  return answer_in<Response>(
      wait(begin_set(name, std::move(key), std::move(value), consistent, timeout_ms)));
}

Response VirtualCluster::swap(const Name& name, std::string key, std::string value,
                              std::optional<std::string> expected) {
  wire::WriteCall write;
  write.op = wire::WriteOp::swap;
  write.key = std::move(key);
  write.value = Blob::copy_of(value);
  write.expected = std::move(expected);
  return answer_in<Response>(wait(call(name, std::move(write))));
}

Response VirtualCluster::remove(const Name& name, std::string key, bool consistent) {
  wire::WriteCall write;
  write.op = wire::WriteOp::remove;
  write.key = std::move(key);
  write.consistent = consistent;
  return answer_in<Response>(wait(call(name, std::move(write))));
}

AwaitResult VirtualCluster::await(const Name& name, std::string token,
                                  std::optional<std::uint64_t> timeout_ms) {
  return answer_in<AwaitResult>(
      wait(call(name, wire::AwaitCall{.token = std::move(token), .timeout_ms = timeout_ms})));
}

OutcomeResult VirtualCluster::outcome(const Name& name, std::string operation,
                                      std::optional<std::uint64_t> timeout_ms) {
  return answer_in<OutcomeResult>(wait(
      call(name, wire::OutcomeCall{.operation = std::move(operation), .timeout_ms = timeout_ms})));
}

Status VirtualCluster::status(const Name& name) {
  return answer_in<Status>(wait(call(name, wire::StatusCall{})));
}
PendingPage VirtualCluster::pending(const Name& name) {
  return answer_in<PendingPage>(wait(call(name, wire::PendingCall{})));
}
ConflictPage VirtualCluster::conflicts(const Name& name) {
  return answer_in<ConflictPage>(wait(call(name, wire::ConflictsCall{})));
}

std::optional<VirtualCluster::Name> VirtualCluster::leader() {
  std::optional<Name> found;
  Term term;
  for (const Name& name : order_) {
    if (!nodes_.at(name)->running() || !ready_nodes.contains(name)) continue;
    const Status status = this->status(name);
    if (status.role != "leader" || status.term < term) continue;
    term = status.term;
    found = name;
  }
  return found;
}

VirtualCluster::Name VirtualCluster::wait_for_leader() {
  for (int i = 0; i < 600; ++i) {
    if (const auto found = leader()) return *found;
    run_for(std::chrono::milliseconds(100));
  }
  FAIL("no leader was elected");
  return {};
}

void VirtualCluster::settle(Duration bound) {
  const Instant end = time_.now() + bound;
  for (;;) {
    std::set<std::uint64_t> applied;
    std::uint64_t pending = 0;
    for (const Name& name : order_) {
      if (!nodes_.at(name)->running()) continue;
      const Status status = this->status(name);
      applied.insert(status.applied_index.value);
      pending += status.pending;
    }
    if (applied.size() <= 1 && pending == 0) return;
    if (time_.now() > end) FAIL("the cluster does not come to rest: ", pending, " writes pending");
    run_for(std::chrono::milliseconds(100));
  }
}

}  // namespace causeway::testing
