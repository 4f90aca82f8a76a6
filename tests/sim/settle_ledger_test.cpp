// What callers are told of offline writes: each rule seen to fail on events made by hand.
#include "sim/model_compare.hpp"
#include "sim/settle_hand.hpp"

namespace causeway::sim::testing {
namespace {

TEST_CASE("what is acknowledged offline is durable, and there after each start") {
  const auto restarted = [](Hand& hand, std::vector<crdt::OfflineWrite> found) {
    hand.model.died(0, Death::power);
    hand.model.starting(0);
    for (const auto& write : found) hand.model.recovered(0, wire::JournalRecord(write));
    hand.model.started(0);
  };
  const auto later = [](Hand& hand) {
    crdt::OfflineWrite write = hand.offline(0, 2);
    write.replaces = {1};
    return write;
  };
  check({
      {"as it should be", "",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         restarted(hand, {hand.offline(0, 1)});
       }},
      {"answered before it is durable", "offline-durable",
       [](Hand& hand) {
         hand.asks(0, hand.offline(0, 1));
         hand.journal_begins(0, hand.offline(0, 1));
         hand.is_told(0, hand.offline(0, 1));
       }},
      {"answered though it was refused", "offline-durable",
       [](Hand& hand) {
         hand.asks(0, hand.offline(0, 1));
         hand.journal_begins(0, hand.offline(0, 1));
         hand.model.journal_done(
             0, {storage::Refused{.first_ticket = 1, .error = {}, .appends = {{1}}}});
         hand.is_told(0, hand.offline(0, 1));
       }},
      {"another value", "offline-durable",
       [](Hand& hand) {
         crdt::OfflineWrite other = hand.offline(0, 1);
         hand.asks(0, other);
         other.value = Blob::copy_of("other");
         hand.journal(0, other);
         hand.is_told(0, other);
       }},
      {"lost in a crash", "offline-durable",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         restarted(hand, {});
       }},
      {"not acknowledged, and lost", "",
       [&](Hand& hand) {
         hand.asks(0, hand.offline(0, 1));
         hand.journal_begins(0, hand.offline(0, 1));
         restarted(hand, {});
       }},
      {"replaced by one that is there", "",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         restarted(hand, {later(hand)});
       }},
      {"replaced by one that is lost, too", "offline-durable",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         hand.journal(0, later(hand));
         restarted(hand, {});
       }},
      {"freed", "",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         hand.model.died(0, Death::kill);
         hand.model.starting(0);
         hand.model.recovered(0, wire::JournalRecord(crdt::Settled{hand.origin(0), {1}, 7, {}}));
         hand.model.started(0);
       }},
      {"gone with its directory", "",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         hand.model.died(0, Death::wipe);
         restarted(hand, {});
       }},
      {"younger than an old copy that was put back", "",
       [&](Hand& hand) {
         hand.acknowledged(0, hand.offline(0, 1));
         hand.model.died(0, Death::old_copy);
         restarted(hand, {});
       }},
  });
}

TEST_CASE("an offline write has seen what its node showed, and no more") {
  // Node 0 has applied two entries; its write 1 is pending and had seen the first.
  const auto with = [](std::function<void(Hand&)> play) {
    return [=](Hand& hand) {
      begin(hand);
      crdt::OfflineWrite first = hand.offline(0, 1);
      first.seen.index = {1};
      hand.journal(0, first);
      play(hand);
    };
  };
  const auto sees = [](Hand& hand, std::uint64_t index, std::string key = "k") {
    crdt::OfflineWrite write = hand.offline(0, 2, std::move(key));
    write.seen.index = {index};
    hand.acknowledged(0, write);
  };
  const auto settles = [](Hand& hand) {
    crdt::OfflineWrite first = hand.offline(0, 1);
    hand.play(0, hand.settle(0, {first}));  // entry 3
  };
  const auto tells = [](Hand& hand) {
    Response response;
    response.version = Version{.revision = {2}};
    hand.model.answered(0, 77, wire::Answer(response));
  };
  check({
      {"over a pending one, what that one had", "", with([&](Hand& hand) { sees(hand, 1); })},
      {"over a pending one, more", "seen-truthful", with([&](Hand& hand) { sees(hand, 2); })},
      {"over a pending one, less", "seen-truthful", with([&](Hand& hand) { sees(hand, 0); })},
      {"over one that has settled, that", "", with([&](Hand& hand) {
         settles(hand);
         sees(hand, 3);
       })},
      {"over one that has settled, and it was not applied yet", "", with([&](Hand& hand) {
         settles(hand);
         sees(hand, 1);
       })},
      {"over one that has settled, neither", "seen-truthful", with([&](Hand& hand) {
         settles(hand);
         sees(hand, 2);
       })},
      {"another key, all that is applied", "", with([&](Hand& hand) { sees(hand, 2, "l"); })},
      {"another key, what is not applied", "seen-truthful",
       with([&](Hand& hand) { sees(hand, 3, "l"); })},
      {"as much as was told", "", with([&](Hand& hand) {
         tells(hand);
         sees(hand, 2, "l");
       })},
      {"less than was told", "seen-truthful", with([&](Hand& hand) {
         tells(hand);
         sees(hand, 1, "l");
       })},
      {"less than was told, over a pending one", "", with([&](Hand& hand) {
         tells(hand);
         sees(hand, 1);
       })},
      {"less than was told before the power went", "", with([&](Hand& hand) {
         tells(hand);
         hand.model.died(0, Death::power);
         sees(hand, 1, "l");
       })},
  });
}

TEST_CASE("only an old copy of a directory takes a new origin") {
  node::Effects effects;
  effects.new_origin = Origin{9};
  check({
      {"a directory that nobody copied", "moved-for-cause",
       [&](Hand& hand) { hand.model.turn(0, effects); }},
      {"an old copy", "",
       [&](Hand& hand) {
         hand.model.died(0, Death::old_copy);
         hand.model.starting(0);
         hand.model.turn(0, effects);
       }},
  });
}

TEST_CASE("an answer to await must be the write's fate") {
  using State = AwaitResult::State;
  const Version winner{.revision = {3}, .stamp = {5}, .origin = {7}, .sequence = {1}};
  ModelSettled won;
  won.verdict = {.winner = {.revision = {3}, .stamp = {5}, .origin = {7}, .sequence = {1}}};
  ModelSettled superseded = won;
  superseded.verdict.kind = crdt::VerdictKind::superseded;
  ModelSettled rejected;
  rejected.verdict.kind = crdt::VerdictKind::rejected;
  const OfflineFate replaced{.replaced_by = {4}};
  struct Await {
    std::string why;
    OfflineFate fate;
    bool may_forget;
    AwaitResult answer;
    bool good;
  };
  const std::vector<Await> rows = {
      {"won", {&won}, false, {State::won, winner}, true},
      {"won by another version", {&won}, false, {State::won, Version{}}, false},
      {"won, and said to be superseded", {&won}, false, {State::superseded, winner}, false},
      {"superseded", {&superseded}, false, {State::superseded, winner}, true},
      {"superseded by nothing", {&superseded}, false, {State::superseded}, false},
      {"rejected", {&rejected}, false, {State::rejected, {}, "why"}, true},
      {"rejected without a reason", {&rejected}, false, {State::rejected}, false},
      {"replaced", replaced, false, {State::replaced, {}, "", "0000000000000007-4"}, true},
      {"replaced by another",
       replaced,
       false,
       {State::replaced, {}, "", "0000000000000007-5"},
       false},
      {"replaced, and said to have won", replaced, false, {State::won, winner}, false},
      {"still pending", {&won}, true, {State::pending}, false},
      {"forgotten too early", {&won}, false, {State::forgotten}, false},
      {"forgotten within the bounds", {&won}, true, {State::forgotten}, true},
  };
  for (const Await& row : rows) {
    CAPTURE(row.why);
    CHECK(differ(row.fate, row.may_forget, wire::Answer(row.answer)).empty() == row.good);
  }
  CHECK_FALSE(differ({&won}, false, wire::CallError{}).empty());
}

}  // namespace
}  // namespace causeway::sim::testing
