// A model, three state machines on the tables of machines that do not run, and events made by hand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/dot.hpp"
#include "kv/applier.hpp"
#include "kv/command.hpp"
#include "sim/settle_model.hpp"
#include "sim/violation.hpp"

namespace causeway::sim::testing {

/// The first violation in `play`.
template <class Play>
std::optional<Violation> violation_in(Play&& play) {
  try {
    play();
  } catch (const Violation& violation) {
    return violation;
  }
  return std::nullopt;
}

/// The name of the invariant that `play` breaks; empty: none.
template <class Play>
std::string broken_by(Play&& play) {
  const auto violation = violation_in(std::forward<Play>(play));
  return violation ? violation->invariant : "";
}

/// For runs in which all should be well: what is not, in words.
template <class Play>
std::string said_of(Play&& play) {
  const auto violation = violation_in(std::forward<Play>(play));
  return violation ? violation->what() : "";
}

inline constexpr Incarnation kStart{101};

/// One origin's offline writes, in batches that follow each other.
struct Proposer {
  Origin origin;
  Sequence follows;
  std::uint64_t chain = 0;
  Sequence learnt_through;

  kv::Settle batch(std::vector<crdt::OfflineWrite> items) {
    kv::Settle settle{.origin = origin,
                      .incarnation = kStart,
                      .number = 1,
                      .follows = follows,
                      .chain = chain,
                      .learnt_through = learnt_through,
                      .items = std::move(items)};
    for (const crdt::OfflineWrite& item : settle.items) {
      chain = crdt::chain_after(chain, item);
      follows = item.dot.sequence;
    }
    return settle;
  }
};

class Hand {
 public:
  Hand() : cluster({.seed = 5, .nodes = 3}), model(cluster) {
    for (Peer peer = 0; peer < 3; ++peer) {
      restart(peer);
      proposers.push_back({.origin = origin(peer)});
    }
  }

  DataDirectory& directory(Peer peer) { return cluster.node(cluster.name_of(peer)).directory(); }
  Origin origin(Peer peer) { return directory(peer).origin; }
  void restart(Peer peer) {
    model.starting(peer);
    appliers[peer] = kv::Applier::open(directory(peer).table, origin(peer)).value();
  }

  // ---- the log

  kv::LogEntry commit(Blob payload) {
    const std::uint64_t index = log.size() + 1;
    log.push_back({.index = {index},
                   .term = {1},
                   .log_time = {1000 * index},
                   .payload = std::move(payload),
                   .hash = 7 * index});
    return log.back();
  }
  /// `peer` applies all that it lacks; the model is told that it is about to, and not what came.
  kv::Applied apply(Peer peer) {
    kv::Apply apply;
    for (std::size_t at = appliers[peer]->position().index.value; at < log.size(); ++at)
      apply.entries.push_back(log[at]);
    model.applying(peer, apply);
    std::vector<kv::Input> inputs;
    inputs.emplace_back(std::move(apply));
    std::vector<kv::Output> outputs;
    appliers[peer]->step(std::move(inputs), outputs);
    return std::get<kv::Applied>(std::move(outputs.at(0)));
  }
  kv::Applied run(Peer peer, Blob payload) {
    commit(std::move(payload));
    return apply(peer);
  }
  /// As it should be.
  void play(Peer peer, Blob payload) { model.applied(peer, run(peer, std::move(payload))); }

  Blob start(Peer peer, std::uint64_t number = 1) {
    return kv::encode(kv::Start{.origin = origin(peer), .incarnation = kStart, .number = number});
  }
  Blob set(Peer peer, std::uint64_t number, std::string_view value) {
    return kv::encode(
        kv::Write{.call = {origin(peer), kStart, number, 1}, .key = "k", .value = value});
  }
  Blob swap(Peer peer, std::uint64_t number, std::string_view expected) {
    return kv::encode(kv::Write{.kind = kv::CommandKind::swap,
                                .call = {origin(peer), kStart, number, 1},
                                .key = "k",
                                .expected = expected,
                                .value = "swapped"});
  }
  crdt::OfflineWrite offline(Peer peer, std::uint64_t sequence, std::string key = "k") {
    crdt::OfflineWrite write;
    write.dot = {origin(peer), {sequence}};
    write.stamp = {sequence};
    write.key = std::move(key);
    write.value = Blob::copy_of("v" + std::to_string(sequence));
    return write;
  }
  Blob settle(Peer peer, std::vector<crdt::OfflineWrite> items) {
    return kv::encode(proposers[peer].batch(std::move(items)));
  }

  // ---- its disks and callers

  static storage::LogInput append(std::uint64_t ticket, wire::RecordType type,
                                  std::string_view bytes) {
    return storage::Append{.ticket = ticket,
                           .records = {storage::LogRecord::make(static_cast<std::uint8_t>(type), "",
                                                                Blob::copy_of(bytes))}};
  }
  void journal_begins(Peer peer, const crdt::OfflineWrite& write) {
    model.journal_step(peer,
                       {append(++ticket, wire::RecordType::offline_write, wire::encode(write))});
  }
  void journal_ends(Peer peer) { model.journal_done(peer, {storage::Durable{ticket}}); }
  void journal(Peer peer, const crdt::OfflineWrite& write) {
    journal_begins(peer, write);
    journal_ends(peer);
  }
  void mark(Peer peer, std::uint64_t index) {
    model.raft_log_step(peer, {append(++ticket, wire::RecordType::commit_mark,
                                      wire::encode(wire::CommitMark{{index}}))});
  }
  void frees(Peer peer, const crdt::Settled& settled) {
    node::Effects effects;
    effects.journal.push_back(append(1, wire::RecordType::settled, wire::encode(settled)));
    model.turn(peer, effects);
  }
  void asks(Peer peer, const crdt::OfflineWrite& write) {
    model.called(peer, {1, ++call},
                 wire::WriteCall{.key = write.key, .value = write.value, .consistent = false});
  }
  void is_told(Peer peer, const crdt::OfflineWrite& write) {
    Response response;
    response.token = crdt::to_string(write.dot);
    response.version =
        Version{.stamp = write.stamp, .origin = write.dot.origin, .sequence = write.dot.sequence};
    model.answered(peer, call, wire::Answer(response));
  }
  /// Asked for, durable, answered.
  void acknowledged(Peer peer, const crdt::OfflineWrite& write) {
    asks(peer, write);
    journal(peer, write);
    is_told(peer, write);
  }

  Cluster cluster;
  SettleModel model;
  std::unique_ptr<kv::Applier> appliers[3];
  std::vector<kv::LogEntry> log;
  std::vector<Proposer> proposers;
  std::uint64_t ticket = 0;
  std::uint64_t call = 0;
};

/// Events, and the invariant that they break; empty: none.
struct Row {
  std::string why;
  std::string invariant;
  std::function<void(Hand&)> play;
};

inline void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Hand hand;
    CHECK(broken_by([&] { row.play(hand); }) == row.invariant);
  }
}

/// Node 0 has started and set "k" to "old"; the next entry is the third.
inline void begin(Hand& hand) {
  hand.play(0, hand.start(0));
  hand.play(0, hand.set(0, 1, "old"));
}

}  // namespace causeway::sim::testing
