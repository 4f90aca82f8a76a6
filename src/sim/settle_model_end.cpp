// When all is at rest: tables, journals, and what every caller may still ask.
#include <algorithm>

#include "crdt/dot.hpp"
#include "crdt/journal.hpp"
#include "sim/model_compare.hpp"
#include "sim/settle_model.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr Duration kRestMax = std::chrono::seconds(60);
constexpr std::size_t kAsksAtOnce = 500;
/// None of the harness's callers has it.
constexpr std::uint64_t kConnection = UINT64_MAX - 1;
const std::size_t kVerdictsMax = crdt::Journal::Options{}.verdicts_max;

}  // namespace

// Where it moved, what it came to under its last origin is what its node knows.
OfflineFate SettleModel::fate_of(const LedgerDirectory& directory, Sequence sequence,
                                 Stamp stamp) const {
  for (auto origin = directory.origins.rbegin(); origin != directory.origins.rend(); ++origin) {
    const Dot dot{*origin, sequence};
    const ModelSettled* settled = state_.settled(dot);
    if (settled != nullptr && (stamp.value == 0 || settled->stamp == stamp))
      return {.settled = settled, .under = dot};
  }
  const auto replaced = directory.replaced.find(sequence);
  if (replaced == directory.replaced.end()) return {};
  return {.replaced_by = replaced->second.by};
}

// The list of verdicts is bounded by count, and a directory that moves begins a new one.
bool SettleModel::may_forget(const LedgerDirectory& directory, const OfflineFate& fate) const {
  const Origin last = directory.origins.back();
  if (directory.origins.size() > 1 && (fate.settled == nullptr || fate.under.origin != last))
    return true;
  const ModelOrigin* origin = state_.find(last);
  const std::size_t settled = origin == nullptr ? 0 : origin->history.size();
  return settled + directory.replaced.size() > kVerdictsMax;
}

void SettleModel::finish() {
  std::vector<Peer> running;
  for (const std::string& name : cluster_.names()) {
    const Machine& each = cluster_.node(name);
    if (each.running() && !each.paused()) running.push_back(cluster_.peer_of(name));
  }
  judge_rest(running);
  for (const Peer peer : running) judge_table(peer);
  for (const Peer peer : running) judge_vanished(peer);
  for (const Peer peer : running) judge_learnt(peer);
}

void SettleModel::judge_rest(const std::vector<Peer>& running) {
  const auto lags = [this](Peer peer) {
    return table_position(peer).value_or(LogIndex{}) < state_.index();
  };
  const auto holds = [this](Peer peer) {
    const auto status = machine(peer).peek();
    return !status || status->pending != 0;
  };
  const auto at_rest = [&] {
    return std::none_of(running.begin(), running.end(),
                        [&](Peer peer) { return lags(peer) || holds(peer); });
  };
  const Instant end = cluster_.time().now() + kRestMax;
  while (!at_rest() && cluster_.time().now() < end) cluster_.run_for(std::chrono::seconds(1));
  for (const Peer peer : running) {
    const std::string name = "node " + cluster_.name_of(peer);
    if (lags(peer)) throw Violation("model-state", name + " does not come to the log's end");
    if (holds(peer)) throw Violation("verdict-learnt", name + " keeps writes in its journal");
  }
}

void SettleModel::judge_vanished(Peer peer) {
  const LedgerDirectory& directory = ledger_.at(peer);
  for (const auto& [first, told] : directory.acknowledged) {
    Sequence sequence = first;
    OfflineFate fate = fate_of(directory, sequence, told.write.stamp);
    while (fate.settled == nullptr && fate.replaced_by > sequence) {
      sequence = fate.replaced_by;
      fate = fate_of(directory, sequence, {});
    }
    if (fate.settled != nullptr) continue;
    throw Violation("nothing-vanishes",
                    crdt::to_string(told.dot) + " of '" + told.write.key +
                        "' was acknowledged, and neither it nor what replaced it ever settled");
  }
}

void SettleModel::judge_learnt(Peer peer) {
  const LedgerDirectory& directory = ledger_.at(peer);
  const std::string& name = cluster_.name_of(peer);
  struct Ask {
    Cluster::CallNumber call;
    std::string token;
    OfflineFate fate;
  };
  auto next = directory.acknowledged.begin();
  while (next != directory.acknowledged.end()) {
    std::vector<Ask> asks;
    for (; next != directory.acknowledged.end() && asks.size() < kAsksAtOnce; ++next) {
      const auto& [sequence, told] = *next;
      const std::string token = crdt::to_string(told.dot);
      const auto call = cluster_.call(name, wire::AwaitCall{token, 1000}, kConnection);
      asks.push_back({call, token, fate_of(directory, sequence, told.write.stamp)});
    }
    for (const Ask& ask : asks) {
      const bool answered =
          cluster_.run_until([&] { return cluster_.reply(ask.call) != nullptr; }, kRestMax);
      const std::string why =
          answered ? differ(ask.fate, may_forget(directory, ask.fate), *cluster_.reply(ask.call))
                   : "there is no answer";
      if (!why.empty())
        throw Violation("verdict-learnt", "node " + name + ", await " + ask.token + ": " + why);
      cluster_.forget_reply(ask.call);
      ++counts_.awaited;
      if (ask.fate.settled == nullptr) ++counts_.replaced;
    }
  }
}

}  // namespace causeway::sim
