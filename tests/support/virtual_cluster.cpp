#include "support/virtual_cluster.hpp"

#include <set>
#include <utility>

#include <doctest/doctest.h>

namespace causeway::testing {

void VirtualCluster::start(const Name& name) {
  const auto started = try_start(name);
  if (!started) FAIL("node ", name, " does not start: ", started.error().detail);
  if (!run_until([&] { return ready_nodes.contains(name); }, std::chrono::seconds(30)))
    FAIL("node ", name, " does not get ready");
}

void VirtualCluster::start_all() {
  for (const Name& name : names()) {
    if (!node(name).running()) start(name);
  }
}

void VirtualCluster::stop(const Name& name) {
  node(name).give(node::StopAsked{});
  if (!run_until([&] { return !node(name).running(); })) FAIL("node ", name, " does not stop");
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
  for (const Name& name : names()) {
    if (!node(name).running() || !ready_nodes.contains(name)) continue;
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
  const Instant end = time().now() + bound;
  for (;;) {
    std::set<std::uint64_t> applied;
    std::uint64_t pending = 0;
    for (const Name& name : names()) {
      if (!node(name).running()) continue;
      const Status status = this->status(name);
      applied.insert(status.applied_index.value);
      pending += status.pending;
    }
    if (applied.size() <= 1 && pending == 0) return;
    if (time().now() > end) FAIL("the cluster does not come to rest: ", pending, " writes pending");
    run_for(std::chrono::milliseconds(100));
  }
}

std::unique_ptr<VirtualCluster> cluster_led_by_others(ClusterSettings settings) {
  for (settings.seed = 1;; ++settings.seed) {
    auto cluster = std::make_unique<VirtualCluster>(settings);
    cluster->start_all();
    if (cluster->wait_for_leader() == "3") continue;
    cluster->settle();
    return cluster;
  }
}

}  // namespace causeway::testing
