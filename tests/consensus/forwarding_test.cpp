// Proposals on their way to the leader: in order, at most once, and a certain "never" where there
// is one (design 3.4).
#include <string>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "consensus/forward_ledger.hpp"
#include "consensus/proposal_queue.hpp"
#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

constexpr Incarnation kOwn{1001};

/// A sender alone: what it would send in term 5, and answers to it.
struct Sender {
  ProposalQueue queue{8, kOwn};
  Effects out;
  Term term{5};

  void add(ProposalId id, const std::string& payload = "v") {
    CHECK(queue.add(id, Blob::copy_of(payload), std::nullopt));
  }
  std::vector<Message> messages() {
    return queue.take_messages(
        {.term = term, .now = {}, .batch_bytes_max = 4, .inflight_bytes_max = 100});
  }
  /// "first:payloads" of each Forward, "W counter" of each Withdraw.
  std::string text() {
    std::string all;
    for (const Message& message : messages()) {
      if (!all.empty()) all += " ";
      if (const auto* withdraw = std::get_if<Withdraw>(&message)) {
        all += "W" + std::to_string(withdraw->counter);
        continue;
      }
      const auto& forward = std::get<Forward>(message);
      all += std::to_string(forward.first_counter) + ":";
      for (const auto& item : forward.items) all += item.payload.view();
    }
    return all;
  }
  void answer(std::uint64_t next, std::vector<std::uint64_t> refused = {}, bool exhausted = false) {
    queue.receive(term,
                  {.term = term,
                   .incarnation = kOwn,
                   .next_counter = next,
                   .refused = std::move(refused),
                   .exhausted = exhausted},
                  out);
  }
  std::string dropped() {
    std::string all;
    for (const ProposalDropped& drop : out.dropped) {
      const char* why = drop.why == Dropped::lost        ? "lost"
                        : drop.why == Dropped::withdrawn ? "withdrawn"
                                                         : "exhausted";
      all += std::to_string(drop.id) + why + " ";
    }
    out.dropped.clear();
    return all;
  }
};

Forward forward_of(std::uint64_t first, std::vector<std::string> payloads,
                   std::uint32_t budget_ms = 0) {
  Forward forward{
      .term = {6}, .incarnation = {2000}, .first_counter = first, .lowest_open = 1, .items = {}};
  for (const std::string& payload : payloads)
    forward.items.push_back({Blob::copy_of(payload), budget_ms});
  return forward;
}

/// The one ForwardReply in `out` to n3, as "next/refused...".
std::string reply_text(const Effects& out) {
  const auto replies = sent<ForwardReply>(out, 2);
  if (replies.size() != 1) return std::to_string(replies.size()) + " replies";
  std::string text = std::to_string(replies[0].next_counter);
  for (const std::uint64_t counter : replies[0].refused) text += "/" + std::to_string(counter);
  return text + (replies[0].exhausted ? " exhausted" : "");
}

std::string appended(const Effects& out) {
  std::string text;
  for (const Record& record : out.records) {
    if (const Entry* entry = std::get_if<Entry>(&record)) text += entry->payload.view();
  }
  return text;
}

Solo leading() {
  Solo solo;
  solo.become_leader();
  solo.acknowledge_all(1);
  return solo;
}

}  // namespace

// ---- the sender

TEST_CASE("proposals go out in order, in batches, with counters from 1") {
  Sender sender;
  for (ProposalId id = 1; id <= 5; ++id)
    sender.add(id, std::string(2, static_cast<char>('a' + id - 1)));
  CHECK(sender.text() == "1:aabb 3:ccdd 5:ee");
  CHECK(sender.text() == "");
  sender.add(6, "f");
  CHECK(sender.text() == "6:f");
}

TEST_CASE("nothing more is sent while too much waits for an answer") {
  Sender sender;
  sender.add(1, std::string(90, 'a'));
  sender.add(2, std::string(20, 'b'));
  CHECK(sender.messages().size() == 1);
  CHECK(sender.messages().empty());
  sender.answer(2);
  CHECK(sender.messages().size() == 1);
}

TEST_CASE("a full queue takes no more, and says so") {
  Sender sender;
  for (ProposalId id = 1; id <= 8; ++id) sender.add(id);
  CHECK_FALSE(sender.queue.add(9, {}, std::nullopt));
  sender.queue.withdraw(3, sender.out);
  CHECK(sender.queue.add(9, {}, std::nullopt));
}

TEST_CASE("an answer that brings nothing new tells of a gap: from there on is sent again, once") {
  Sender sender;
  for (ProposalId id = 1; id <= 4; ++id) sender.add(id, std::to_string(id));
  CHECK(sender.text() == "1:1234");
  sender.add(5, "5");
  CHECK(sender.text() == "5:5");
  sender.answer(5);
  CHECK(sender.text() == "");  // 5 may be under way
  sender.answer(5);
  CHECK(sender.text() == "5:5");
  sender.answer(5);
  CHECK(sender.text() == "");
}

TEST_CASE("a batch goes again after a pause, all that is unanswered after a reconnection") {
  Sender sender;
  for (ProposalId id = 1; id <= 6; ++id) sender.add(id, std::to_string(id) + std::to_string(id));
  CHECK(sender.text() == "1:1122 3:3344 5:5566");
  sender.answer(2);
  sender.queue.send_again_some();
  CHECK(sender.text() == "2:2233");
  sender.queue.send_again_all();
  CHECK(sender.text() == "2:2233 4:4455 6:66");
}

TEST_CASE("a withdrawal is certain at once before it was sent, and asked of the leader after") {
  Sender sender;
  sender.add(1, "1");
  sender.add(2, "2");
  CHECK_FALSE(sender.queue.may_be_in_log(1));
  sender.queue.withdraw(1, sender.out);
  CHECK(sender.dropped() == "1withdrawn ");
  CHECK(sender.text() == "1:2");
  CHECK(sender.queue.may_be_in_log(2));
  sender.queue.withdraw(2, sender.out);
  CHECK(sender.dropped() == "");
  CHECK(sender.text() == "W1");
  sender.queue.send_again_some();
  CHECK(sender.text() == "1:2 W1");  // until answered
  sender.answer(2, {1});
  CHECK(sender.dropped() == "2withdrawn ");
  CHECK(sender.text() == "");
}

TEST_CASE(
    "a withdrawal that comes too late is answered by silence: the proposal is in that leader's "
    "log") {
  Sender sender;
  sender.add(1, "1");
  CHECK(sender.text() == "1:1");
  sender.queue.withdraw(1, sender.out);
  sender.answer(2);
  CHECK(sender.dropped() == "");
  sender.queue.withdraw(1, sender.out);
  CHECK(sender.text() == "");
  CHECK(sender.queue.may_be_in_log(1));
}

TEST_CASE("a withdrawal granted before its proposal came still fills its counter") {
  Sender sender;
  sender.add(1, "1");
  sender.add(2, "2");
  CHECK(sender.text() == "1:12");
  sender.queue.withdraw(1, sender.out);
  sender.answer(1, {1});
  CHECK(sender.dropped() == "1withdrawn ");
  sender.queue.send_again_all();
  CHECK(sender.text().starts_with("1:12"));
}

TEST_CASE("why a proposal was dropped: withdrawn if that was asked, else as the leader says") {
  Sender sender;
  for (ProposalId id = 1; id <= 4; ++id) sender.add(id, std::to_string(id));
  CHECK(sender.text() == "1:1234");
  sender.queue.withdraw(2, sender.out);
  sender.answer(3, {1, 2}, true);
  CHECK(sender.dropped() == "1exhausted 2withdrawn ");
  sender.answer(5, {3});
  CHECK(sender.dropped() == "3lost ");
}

TEST_CASE(
    "what was sent in a term is not sent in the next: it is lost when an entry of a later term is "
    "applied") {
  Sender sender;
  sender.add(1, "1");
  CHECK(sender.text() == "1:1");
  sender.term = {6};
  sender.add(2, "2");
  CHECK(sender.text() == "1:2");  // counters start again
  sender.queue.applied({5}, sender.out);
  CHECK(sender.dropped() == "");
  sender.queue.applied({6}, sender.out);
  CHECK(sender.dropped() == "1lost ");
  CHECK(sender.queue.may_be_in_log(2));
  CHECK_FALSE(sender.queue.may_be_in_log(1));
}

TEST_CASE("what was applied is resolved, and neither lost nor sent again") {
  Sender sender;
  sender.add(1, "1");
  sender.add(2, "2");
  CHECK(sender.text() == "1:12");
  sender.queue.resolved(1);
  sender.queue.applied({6}, sender.out);
  CHECK(sender.dropped() == "2lost ");
}

TEST_CASE(
    "answers of another term, another incarnation, or about what was never sent are ignored") {
  struct Row {
    const char* why;
    ForwardReply reply;
  };
  const Row rows[] = {
      {"another term", {.term = {4}, .incarnation = kOwn, .next_counter = 2, .refused = {1}}},
      {"another incarnation", {.term = {5}, .incarnation = {7}, .next_counter = 2, .refused = {1}}},
      {"beyond what was sent",
       {.term = {5}, .incarnation = kOwn, .next_counter = 9, .refused = {1}}},
      {"counter 0", {.term = {5}, .incarnation = kOwn, .next_counter = 0, .refused = {1}}},
      {"refused what was never sent",
       {.term = {5}, .incarnation = kOwn, .next_counter = 1, .refused = {0, 99}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Sender sender;
    sender.add(1, "1");
    CHECK(sender.text() == "1:1");
    sender.queue.receive({5}, row.reply, sender.out);
    CHECK(sender.dropped() == "");
    CHECK(sender.queue.awaits_answer({5}));
  }
}

TEST_CASE("a deadline becomes what remains of it; one that has passed is not taken for none") {
  ProposalQueue queue(8, kOwn);
  CHECK(queue.add(1, {}, std::nullopt));
  CHECK(queue.add(2, {}, Instant{250ms}));
  CHECK(queue.add(3, {}, Instant{10ms}));
  const auto messages = queue.take_messages(
      {.term = {5}, .now = {50ms}, .batch_bytes_max = 100, .inflight_bytes_max = 100});
  const auto& items = std::get<Forward>(messages.at(0)).items;
  CHECK(items[0].budget_ms == 0);
  CHECK(items[1].budget_ms == 200);
  CHECK(items[2].budget_ms == 1);
}

// ---- the leader

TEST_CASE("the leader appends in counter order, and tells a sender that is ahead what it misses") {
  Solo solo = leading();
  Effects out = solo.receive(2, forward_of(1, {"a", "b"}));
  CHECK(appended(out) == "ab");
  CHECK(reply_text(out) == "3");
  out = solo.receive(2, forward_of(5, {"e"}));
  CHECK(appended(out) == "");
  CHECK(reply_text(out) == "3");
  out = solo.receive(2, forward_of(2, {"b", "c", "d", "e"}));
  CHECK(appended(out) == "cde");
  CHECK(reply_text(out) == "6");
  out = solo.receive(2, forward_of(1, {"a", "b"}));
  CHECK(appended(out) == "");
}

TEST_CASE("a withdrawal before the proposal refuses it for good; after it, it is too late") {
  Solo solo = leading();
  Effects out = solo.receive(2, Withdraw{{6}, {2000}, 2});
  CHECK(reply_text(out) == "1/2");
  out = solo.receive(2, forward_of(1, {"a", "b", "c"}));
  CHECK(appended(out) == "ac");
  CHECK(reply_text(out) == "4/2");
  out = solo.receive(2, Withdraw{{6}, {2000}, 3});
  CHECK(reply_text(out) == "4/2");
  Forward later = forward_of(4, {"d"});
  later.lowest_open = 4;  // the sender knows
  CHECK(reply_text(solo.receive(2, later)) == "5");
}

TEST_CASE(
    "over the limit of uncommitted bytes proposals are refused; the account returns to zero "
    "(scenario 14)") {
  Options small = Solo::options(3, kOrigins[0]);
  small.uncommitted_bytes_max = 1000;
  Solo solo;
  solo.raft = Raft(small, usual_past(), Random(1), solo.clock());
  for (Peer peer = 1; peer < 3; ++peer) solo.connect(peer);
  solo.become_leader();
  solo.acknowledge_all(1);
  std::uint64_t counter = 1;
  for (int round = 0; round < 50; ++round) {
    Effects out =
        solo.receive(2, forward_of(counter, {std::string(600, 'a'), std::string(600, 'b')}));
    CHECK(appended(out).size() == 600);
    CHECK(reply_text(out).ends_with(" exhausted"));
    counter += 2;
    Forward pruned = forward_of(counter, {});
    pruned.lowest_open = counter;
    solo.receive(2, pruned);
    solo.sync();
    solo.acknowledge_all(1);
  }
  CHECK(solo.raft.commit_index() == solo.raft.log().last().index);
}

TEST_CASE(
    "without word from a majority a leader refuses what has a deadline, and takes what waits for "
    "ever") {
  Solo solo = leading();
  solo.at += 1100ms;  // no tick yet: it still is the leader
  Effects out = solo.receive(2, forward_of(1, {"a"}, 500));
  CHECK(appended(out) == "");
  CHECK(reply_text(out) == "2/1");
  out = solo.receive(2, forward_of(2, {"b"}));
  CHECK(appended(out) == "b");
}

TEST_CASE("a new incarnation of a peer counts from 1, and the old one is not heard any more") {
  Solo solo = leading();
  solo.receive(2, forward_of(1, {"a", "b"}));
  solo.connect(2, std::nullopt, {2001});
  CHECK(appended(solo.receive(2, forward_of(3, {"c"}))) == "");
  Forward fresh = forward_of(1, {"d"});
  fresh.incarnation = {2001};
  const Effects out = solo.receive(2, fresh);
  CHECK(appended(out) == "d");
  CHECK(reply_text(out) == "2");
}

TEST_CASE("a reconnection of the same incarnation changes nothing") {
  Solo solo = leading();
  solo.receive(2, forward_of(1, {"a"}));
  solo.disconnect(2);
  solo.connect(2);
  const Effects out = solo.receive(2, forward_of(1, {"a", "b"}));
  CHECK(appended(out) == "b");
}

TEST_CASE("a ledger that is full of refusals decides nothing more until some are known") {
  ForwardLedger ledger;
  for (std::uint64_t i = 0; i < ForwardLedger::kRefusalsMax; ++i) {
    CHECK(ledger.refuse(i + 1, ForwardLedger::Why::limit));
    ledger.advance();
  }
  CHECK_FALSE(ledger.refuse(ledger.next(), ForwardLedger::Why::limit));
  CHECK(ledger.refuse(1, ForwardLedger::Why::limit));  // again
  ledger.forget_below(10);
  CHECK_FALSE(ledger.refused(9));
  CHECK(ledger.refused(10));
  CHECK(ledger.refuse(ledger.next(), ForwardLedger::Why::limit));
}

TEST_CASE("a refusal in advance is kept whatever the peer says, until its counter has come") {
  ForwardLedger ledger;
  CHECK(ledger.refuse(5, ForwardLedger::Why::withdrawn));
  ledger.forget_below(100);
  CHECK(ledger.refused(5));
}

// ---- both, over a network

TEST_CASE("whatever is lost or repeated, proposals arrive once and in order") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Cluster cluster(3, seed);
    REQUIRE(cluster.settle());
    cluster.weather = {.loss = 30, .duplicates = 30, .reorder = true};
    const Peer follower = (*cluster.leader() + 1) % 3;
    for (int i = 0; i < 60; ++i) {
      cluster.propose(follower);
      cluster.run_for(2ms);
    }
    CHECK(cluster.settle());
    CHECK(cluster.violation() == "");  // also: twice, or in another order
    for (const Proposed& proposed : cluster.proposals()) {
      CHECK((proposed.fate == Fate::resolved || proposed.fate == Fate::lost));
    }
  }
}

TEST_CASE(
    "withdrawals race with proposals: each is either granted or in the log, never both, never "
    "neither") {
  std::size_t granted = 0;
  std::size_t late = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Cluster cluster(3, seed);
    REQUIRE(cluster.settle());
    cluster.weather = {.loss = 20, .reorder = true};
    const Peer follower = (*cluster.leader() + 1) % 3;
    Random random(seed);
    for (int i = 0; i < 30; ++i) {
      const std::size_t proposal = cluster.propose(follower);
      cluster.run_for(Duration(random.below(4'000'000)));
      cluster.withdraw(proposal);
    }
    CHECK(cluster.settle());
    CHECK(cluster.violation() == "");
    for (std::size_t i = 0; i < cluster.proposals().size(); ++i) {
      const Fate fate = cluster.proposals()[i].fate;
      granted += fate == Fate::withdrawn;
      late += fate == Fate::resolved;
      CHECK(cluster.times_committed(i) == (fate == Fate::resolved ? 1 : 0));
    }
  }
  CHECK(granted > 100);
  CHECK(late > 100);
}

TEST_CASE(
    "a proposal sent to a leader that dies is lost when the next term's first entry is applied") {
  Cluster cluster(3, 3);
  REQUIRE(cluster.settle());
  const Peer old = *cluster.leader();
  const Peer follower = (old + 1) % 3;
  cluster.cut(old, (old + 2) % 3);
  cluster.cut(old, follower);
  const std::size_t lost = cluster.propose(follower);
  cluster.run_for(10ms);
  cluster.crash(old);
  REQUIRE(cluster.run_until([&] { return cluster.proposals()[lost].fate != Fate::open; }, 3s));
  CHECK(cluster.proposals()[lost].fate == Fate::lost);
  cluster.heal();
  cluster.restart(old);
  REQUIRE(cluster.settle());
  CHECK(cluster.times_committed(lost) == 0);
  CHECK(cluster.violation() == "");
}

TEST_CASE("a proposal made while there is no leader waits, and goes to the next") {
  Cluster cluster(3, 3);
  const std::size_t early = cluster.propose(1);
  REQUIRE(cluster.settle());
  CHECK(cluster.proposals()[early].fate == Fate::resolved);
}

}  // namespace causeway::consensus::testing
