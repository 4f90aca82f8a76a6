// Each check of the settling model, seen to fail on events made by hand, and to be silent when they
// are as they should be.
#include "sim/settle_model.hpp"

#include <functional>
#include <string>

#include "kv/stored.hpp"
#include "kv/table_keys.hpp"
#include "sim/settle_hand.hpp"

namespace causeway::sim::testing {
namespace {

/// `spoil` changes what node 0 says of the entry.
Row spoilt(std::string why, std::string invariant, std::function<Blob(Hand&)> payload,
           std::function<void(kv::Applied&)> spoil) {
  return {std::move(why), std::move(invariant), [=](Hand& hand) {
            begin(hand);
            kv::Applied applied = hand.run(0, payload(hand));
            spoil(applied);
            hand.model.applied(0, applied);
          }};
}

TEST_CASE("a node must say of its own entries what the model says") {
  using Status = kv::WriteResult::Status;
  const auto set = [](Hand& hand) { return hand.set(0, 2, "new"); };
  const auto swap = [](Hand& hand) { return hand.swap(0, 2, "other"); };
  const auto start = [](Hand& hand) { return hand.start(0, 2); };
  const auto settle = [](Hand& hand) { return hand.settle(0, {hand.offline(0, 1)}); };
  const auto foreign = [](Hand& hand) { return hand.settle(1, {hand.offline(1, 1)}); };
  check({
      spoilt("a set as it is", "", set, [](auto&) {}),
      spoilt("a status", "model-write-result", set,
             [](auto& applied) { applied.writes[0].status = Status::overtaken; }),
      spoilt("a stamp", "model-write-result", set,
             [](auto& applied) { applied.writes[0].version.stamp = {1}; }),
      spoilt("a call's number", "model-write-result", set,
             [](auto& applied) { applied.writes[0].number = 3; }),
      spoilt("no word", "model-write-result", set, [](auto& applied) { applied.writes.clear(); }),
      spoilt("a word too many", "model-write-result", set,
             [](auto& applied) { applied.writes.push_back(applied.writes[0]); }),
      spoilt("a swap as it is", "", swap, [](auto&) {}),
      spoilt("a mismatch that did swap", "model-write-result", swap,
             [](auto& applied) { applied.writes[0].status = Status::done; }),
      spoilt("a mismatch with another value", "model-write-result", swap,
             [](auto& applied) { applied.writes[0].current = "other"; }),
      spoilt("a mismatch with an absent value", "model-write-result", swap,
             [](auto& applied) { applied.writes[0].current.reset(); }),
      spoilt("a start as it is", "", start, [](auto&) {}),
      spoilt("a start refused", "model-start-result", start,
             [](auto& applied) { applied.starts[0].accepted = false; }),
      spoilt("a batch as it is", "", settle, [](auto&) {}),
      spoilt("a void batch", "model-verdict", settle,
             [](auto& applied) { applied.settles[0].applied = false; }),
      spoilt("a verdict", "model-verdict", settle,
             [](auto& applied) {
               applied.settles[0].verdicts[0].kind = crdt::VerdictKind::superseded;
             }),
      spoilt("a winner", "model-verdict", settle,
             [](auto& applied) { applied.settles[0].verdicts[0].winner.sequence = {7}; }),
      spoilt("no verdict", "model-verdict", settle,
             [](auto& applied) { applied.settles[0].verdicts.clear(); }),
      spoilt("a position", "model-verdict", settle,
             [](auto& applied) { applied.settles[0].settled_chain ^= 1; }),
      spoilt("another's batch as it is", "", foreign, [](auto&) {}),
      spoilt("another's batch", "model-verdict", foreign,
             [](auto& applied) { applied.settles.emplace_back(); }),
      spoilt("an entry that nobody gave it", "model-state", set,
             [](auto& applied) { applied.position.index = {4}; }),
      {"an entry behind a gap", "model-state",
       [](Hand& hand) {
         hand.commit(hand.start(0));
         hand.model.applying(0, {{hand.commit(hand.start(1))}});
       }},
  });
}

TEST_CASE("what a node says again after a restart is judged again") {
  Hand hand;
  begin(hand);
  hand.play(0, hand.settle(0, {hand.offline(0, 1), hand.offline(0, 2, "l")}));
  hand.appliers[0].reset();
  hand.directory(0).table.crash(1);
  hand.restart(0);
  kv::Applied applied = hand.apply(0);
  REQUIRE(applied.settles.size() == 1);
  hand.model.applied(0, applied);

  hand.appliers[0].reset();
  hand.directory(0).table.crash(0);
  hand.restart(0);
  applied = hand.apply(0);
  REQUIRE(applied.writes.size() == 1);
  applied.writes[0].version.stamp = {1};
  CHECK(broken_by([&] { hand.model.applied(0, applied); }) == "model-write-result");
}

TEST_CASE("a table must hold what the model holds") {
  const std::string key = kv::keys::data("k");
  const auto after = [&](std::function<void(Hand&)> change) {
    return [=](Hand& hand) {
      begin(hand);
      change(hand);
      for (std::uint64_t number = 2; number <= 600; ++number) {
        hand.play(0, kv::encode(kv::Write{.call = {hand.origin(0), kStart, number, number},
                                          .key = "other",
                                          .value = "v"}));
      }
      CHECK(hand.model.counts().tables == 1);
    };
  };
  const auto overwrite = [&](const auto& change) {
    return after([=](Hand& hand) {
      auto stored = kv::decode_stored(hand.directory(0).table.get(key).value().value());
      std::string value(stored->value());
      change(stored->version, value);
      hand.directory(0).table.overwrite(key, kv::encode_stored(stored->version, value));
    });
  };
  check({
      {"as it should be", "", after([](Hand&) {})},
      {"a row too many", "model-state", after([](Hand& hand) {
         hand.directory(0).table.overwrite(kv::keys::data("a"), kv::encode_stored({}, "x"));
       })},
      {"a row missing", "model-state", after([&](Hand& hand) {
         kv::Batch batch;
         batch.remove(key);
         REQUIRE(hand.directory(0).table.write(batch));
       })},
      {"another value", "model-state", overwrite([](auto&, std::string& value) { value = "x"; })},
      {"another version", "model-state",
       overwrite([](auto& version, std::string&) { version.stamp = version.stamp.next(); })},
  });
}

// What a start reads may stand in the page cache alone, until it has synced it.
void settles_after_start(Hand& hand, bool synced) {
  hand.journal(0, hand.offline(0, 1));
  crdt::OfflineWrite later = hand.offline(0, 2);
  later.replaces = {1};
  hand.model.died(0, Death::kill);
  hand.model.starting(0);
  hand.model.recovered(0, wire::JournalRecord(hand.offline(0, 1)));
  hand.model.recovered(0, wire::JournalRecord(later));
  if (synced) hand.model.started(0);
  hand.model.died(0, Death::power);
  hand.model.starting(0);
  hand.model.recovered(0, wire::JournalRecord(hand.offline(0, 1)));
  hand.model.started(0);
  hand.play(0, hand.settle(0, {hand.offline(0, 1)}));
}

TEST_CASE("the list of losers names just those that lost, with what they lost") {
  const std::string line = kv::keys::conflict(1);
  const auto after = [&](std::function<void(Hand&)> change) {
    return [=](Hand& hand) {
      begin(hand);
      crdt::OfflineWrite unseen = hand.offline(1, 1);
      unseen.stamp = {1'000'000};
      hand.commit(hand.settle(1, {unseen}));              // wins over "old"
      hand.commit(hand.settle(2, {hand.offline(2, 1)}));  // and this one loses to it
      hand.model.applied(0, hand.apply(0));
      change(hand);
      for (std::uint64_t number = 2; number <= 600; ++number)
        hand.play(
            0, kv::encode(kv::Write{.call = {hand.origin(0), kStart, number, 1}, .key = "other"}));
    };
  };
  const auto rewrite = [&](std::function<void(kv::Conflict&)> change) {
    return after([=](Hand& hand) {
      MapTable& table = hand.directory(0).table;
      auto conflict = kv::decode_conflict(1, *table.get(line).value());
      REQUIRE(conflict);
      change(*conflict);
      table.overwrite(line, kv::encode_conflict(*conflict));
    });
  };
  check({
      {"as it should be", "", after([](Hand& hand) {
         const auto& losers = hand.model.state().losers();
         REQUIRE(losers.size() == 2);
         CHECK(losers[0].lost.kind == crdt::WriteKind::consistent);
         CHECK(losers[1].lost.origin == hand.origin(2));
       })},
      {"a line missing", "losers-listed", after([&](Hand& hand) {
         kv::Batch batch;
         batch.remove(line);
         REQUIRE(hand.directory(0).table.write(batch));
       })},
      {"a line too many", "losers-listed", after([&](Hand& hand) {
         MapTable& table = hand.directory(0).table;
         table.overwrite(kv::keys::conflict(3), *table.get(line).value());
       })},
      {"another key", "losers-listed", rewrite([](auto& conflict) { conflict.key = "other"; })},
      {"another loser", "losers-listed",
       rewrite([](auto& conflict) { conflict.lost.stamp = conflict.lost.stamp.next(); })},
      {"another winner", "losers-listed",
       rewrite([](auto& conflict) { conflict.won.sequence = {9}; })},
      {"another value", "losers-listed",
       rewrite([](auto& conflict) { conflict.lost_value = "x"; })},
      {"a value dropped though there was room", "losers-listed", rewrite([](auto& conflict) {
         conflict.lost_value.reset();
         conflict.lost_value_dropped = true;
       })},
  });
}

TEST_CASE("a dot settles once, and the writes of one origin in order") {
  check({
      {"two batches as they should be", "",
       [](Hand& hand) {
         hand.play(0, hand.settle(0, {hand.offline(0, 1)}));
         hand.play(0, hand.settle(0, {hand.offline(0, 3)}));
       }},
      {"a batch comes again", "settles-once",
       [](Hand& hand) {
         const Blob batch = hand.settle(0, {hand.offline(0, 1)});
         const kv::Applied first = hand.run(0, batch);
         hand.model.applied(0, first);
         kv::Applied again = hand.run(0, batch);
         again.settles[0].applied = true;
         again.settles[0].verdicts = first.settles[0].verdicts;
         hand.model.applied(0, again);
       }},
      {"an earlier one settles behind a later one", "origin-order",
       [](Hand& hand) {
         const Proposer lost = hand.proposers[0];
         kv::Applied first = hand.run(0, hand.settle(0, {hand.offline(0, 2)}));
         hand.model.applied(0, first);
         hand.proposers[0] = lost;
         kv::Applied behind = hand.run(0, hand.settle(0, {hand.offline(0, 1)}));
         behind.settles[0].applied = true;
         behind.settles[0].verdicts = {{.sequence = {1}}};
         hand.model.applied(0, behind);
       }},
      {"one that was replaced settles", "settles-once",
       [](Hand& hand) {
         hand.journal(0, hand.offline(0, 1));
         crdt::OfflineWrite later = hand.offline(0, 2);
         later.replaces = {1};
         hand.journal(0, later);
         hand.play(0, hand.settle(0, {hand.offline(0, 1)}));
       }},
      {"what it replaced by a record that was refused settles", "",
       [](Hand& hand) {
         hand.journal(0, hand.offline(0, 1));
         crdt::OfflineWrite later = hand.offline(0, 2);
         later.replaces = {1};
         hand.journal_begins(0, later);
         hand.model.journal_done(
             0, {storage::Durable{hand.ticket},
                 storage::Refused{
                     .first_ticket = hand.ticket, .error = {}, .appends = {{hand.ticket}}}});
         hand.play(0, hand.settle(0, {hand.offline(0, 1)}));
       }},
      {"what it replaced by a record that only a failed start has read settles", "",
       [](Hand& hand) { settles_after_start(hand, false); }},
      {"what it replaced by a record that a start has read settles", "settles-once",
       [](Hand& hand) { settles_after_start(hand, true); }},
  });
}

TEST_CASE("a write that moved to another origin takes effect under one dot") {
  for (const bool twice : {false, true}) {
    CAPTURE(twice);
    Hand hand;
    hand.play(0, hand.settle(0, {hand.offline(0, 1)}));
    crdt::OfflineWrite moved = hand.offline(1, 1);
    moved.old_dot = {hand.origin(0), {1}};
    kv::Applied applied = hand.run(1, hand.settle(1, {moved}));
    REQUIRE(applied.settles[0].verdicts[0].winner.origin == hand.origin(0));
    if (twice) applied.settles[0].verdicts[0].winner.revision = {2};
    CHECK(broken_by([&] { hand.model.applied(1, applied); }) == (twice ? "settles-once" : ""));
  }
}

TEST_CASE("a journal frees only what is settled, at a mark that is synced") {
  const auto settled = [](Hand& hand, crdt::VerdictKind kind = crdt::VerdictKind::won) {
    const auto& result = std::get<kv::SettleResult>(hand.model.state().outcome({3}).result);
    crdt::Settled record{hand.origin(0), {1}, result.settled_chain, result.verdicts};
    record.verdicts[0].kind = kind;
    return record;
  };
  const auto with = [&](std::function<void(Hand&)> play) {
    return [=](Hand& hand) {
      begin(hand);
      hand.play(0, hand.settle(0, {hand.offline(0, 1)}));
      play(hand);
    };
  };
  check({
      {"as it should be", "", with([&](Hand& hand) {
         hand.mark(0, 3);
         hand.model.raft_log_done(0, {storage::Durable{hand.ticket}});
         hand.frees(0, settled(hand));
       })},
      {"the mark was found at the start", "", with([&](Hand& hand) {
         hand.model.recovered(0, wire::RaftRecord(wire::CommitMark{{3}}));
         hand.frees(0, settled(hand));
       })},
      {"no mark", "freed-not-early", with([&](Hand& hand) { hand.frees(0, settled(hand)); })},
      {"a mark that is not synced", "freed-not-early", with([&](Hand& hand) {
         hand.mark(0, 3);
         hand.frees(0, settled(hand));
       })},
      {"a mark of an earlier entry", "freed-not-early", with([&](Hand& hand) {
         hand.mark(0, 2);
         hand.model.raft_log_done(0, {storage::Durable{hand.ticket}});
         hand.frees(0, settled(hand));
       })},
      {"another node's mark", "freed-not-early", with([&](Hand& hand) {
         hand.mark(1, 3);
         hand.model.raft_log_done(1, {storage::Durable{hand.ticket}});
         hand.frees(0, settled(hand));
       })},
      {"what is only proposed", "freed-not-early", with([&](Hand& hand) {
         hand.mark(0, 9);
         hand.model.raft_log_done(0, {storage::Durable{hand.ticket}});
         hand.frees(0, {hand.origin(0), {2}, 0, {}});
       })},
      {"another chain", "freed-not-early", with([&](Hand& hand) {
         hand.mark(0, 3);
         hand.model.raft_log_done(0, {storage::Durable{hand.ticket}});
         hand.frees(0, {hand.origin(0), {1}, 99, {}});
       })},
      {"another verdict", "verdict-learnt", with([&](Hand& hand) {
         hand.mark(0, 3);
         hand.model.raft_log_done(0, {storage::Durable{hand.ticket}});
         hand.frees(0, settled(hand, crdt::VerdictKind::superseded));
       })},
  });
}

}  // namespace
}  // namespace causeway::sim::testing
