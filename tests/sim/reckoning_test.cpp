// What the clients were told, held against nodes that lie about one thing each.
#include "sim/reckoning.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/dot.hpp"
#include "kv/limits.hpp"
#include "node/writes.hpp"
#include "sim/broken_by.hpp"
#include "sim/plan.hpp"

using namespace causeway;
using namespace causeway::sim;

namespace {

constexpr Origin kOrigin{7};
constexpr std::size_t kKeys = 3;  // of which two are written again in the end
constexpr Peer kWriter = 0;
constexpr Peer kOther = 1;
using Outcome = Operation::Outcome;
using Fate = AwaitResult::State;
using Doubtful = OutcomeResult::State;

std::string token(std::uint64_t sequence) { return crdt::to_string({kOrigin, {sequence}}); }

/// Two nodes. Through the first an offline write of key a was made, then a consistent one that is
/// in doubt; both took effect.
class World {
 public:
  World() {
    told.offline.push_back({kWriter, token(1), told.history.size()});
    told.history.push_back(set("offline", Outcome::unknown));
    told.doubts.push_back({kWriter, "x", told.history.size(), told.starts[kWriter]});
    told.history.push_back(set("in doubt", Outcome::unknown));
    fates[token(1)] = fate(Fate::won);
  }

  std::string broken() {
    Reckoning reckoning(
        told, 2, kKeys,
        {.ask = [this](Peer peer, const wire::Call& call) { return ask(peer, call); },
         .now = [this] { return ++now_; }});
    return testing::broken_by([&] { reckoning.judge(); });
  }

  Operation set(const std::string& value, Outcome outcome) {
    Operation operation{.key = "a", .kind = Operation::Kind::set, .called = ++now_};
    operation.answered = ++now_;
    operation.outcome = outcome;
    operation.written = value;
    return operation;
  }
  void was_read(const std::string& value) {
    Operation operation{.key = "a", .called = ++now_};
    operation.answered = ++now_;
    operation.found = value;
    told.history.push_back(std::move(operation));
  }
  static AwaitResult fate(Fate state) {
    AwaitResult result;
    result.state = state;
    if (state == Fate::won || state == Fate::superseded)
      result.winner = Version{.revision = {1}, .stamp = {1}};
    return result;
  }
  /// Of the key that nobody writes again: it won, and in the end the nodes show this.
  void wrote_last_and_shows(std::optional<std::string> shown) {
    Operation last = set("last", Outcome::unknown);
    last.key = key_at(kKeys - 1);
    if (shown) values_[last.key] = *shown;
    told.offline.push_back({kWriter, token(2), told.history.size()});
    told.history.push_back(std::move(last));
    fates[token(2)] = fate(Fate::won);
  }
  void is_listed(std::uint64_t sequence) {
    ConflictItem item;
    item.lost.version = Version{.origin = kOrigin, .sequence = {sequence}};
    conflicts.items.push_back(item);
  }

  Told told;
  std::map<std::string, AwaitResult> fates;
  Doubtful doubtful = Doubtful::done;
  ConflictPage conflicts;
  /// Answers in place of what is true, where it answers.
  std::function<std::optional<wire::Reply>(Peer, const wire::Call&)> lie;

 private:
  wire::Reply ask(Peer peer, const wire::Call& call) {
    if (auto lied = lie ? lie(peer, call) : std::nullopt) return *lied;
    return std::visit([&](const auto& each) { return answer(each); }, call);
  }
  wire::Reply answer(const wire::GetCall& get) {
    const auto found = values_.find(get.key);
    if (found == values_.end()) return wire::Answer(Response{});
    return wire::Answer(Response{.valid = true, .value = found->second});
  }
  wire::Reply answer(const wire::WriteCall& write) {
    values_[write.key] = write.value.view();
    return wire::Answer(Response{.valid = true});
  }
  wire::Reply answer(const wire::AwaitCall& await) { return wire::Answer(fates.at(await.token)); }
  wire::Reply answer(const wire::OutcomeCall&) { return wire::Answer(OutcomeResult{doubtful}); }
  wire::Reply answer(const wire::ConflictsCall&) { return wire::Answer(conflicts); }
  template <class Unasked>
  wire::Reply answer(const Unasked&) {
    return wire::CallError{.error = {Errc::invalid, "nobody asks this"}};
  }

  std::uint64_t now_ = 0;
  std::map<std::string, std::string> values_;
};

/// The node says so to each call of a kind.
template <class Call>
void says(World& world, Peer liar, wire::Reply what) {
  world.lie = [liar, what](Peer peer, const wire::Call& call) -> std::optional<wire::Reply> {
    if (peer != liar || !std::holds_alternative<Call>(call)) return {};
    return what;
  };
}
template <class Call>
void refuses(World& world, Peer liar, Errc code = Errc::unavailable) {
  says<Call>(world, liar, wire::CallError{.error = {code, "no"}});
}

struct Row {
  std::string broken;  ///< empty: none
  std::string why;
  std::function<void(World&)> schedule;
};

const std::vector<Row> rows = {
    {"", "all of it is true", [](World&) {}},

    {"one-verdict", "two writes have one token",
     [](World& w) { w.told.offline.push_back(w.told.offline.front()); }},
    {"one-verdict", "its node knows nothing of it",
     [](World& w) { refuses<wire::AwaitCall>(w, kWriter); }},
    {"one-verdict", "it is still pending",
     [](World& w) { w.fates[token(1)] = World::fate(Fate::pending); }},
    {"one-verdict", "what stands in its place is still pending",
     [](World& w) {
       w.fates[token(1)] = {.state = Fate::replaced, .replaced_by = token(2)};
       w.fates[token(2)] = World::fate(Fate::pending);
     }},
    {"", "what stands in its place has won",
     [](World& w) {
       w.fates[token(1)] = {.state = Fate::replaced, .replaced_by = token(2)};
       w.fates[token(2)] = World::fate(Fate::won);
     }},

    {"nothing-rejected", "it was rejected",
     [](World& w) { w.fates[token(1)] = World::fate(Fate::rejected); }},

    {"losers-listed", "it was superseded, and stands in no list",
     [](World& w) { w.fates[token(1)] = World::fate(Fate::superseded); }},
    {"", "it was superseded, and stands in the list",
     [](World& w) {
       w.fates[token(1)] = World::fate(Fate::superseded);
       w.is_listed(1);
     }},
    {"", "it was superseded, and the list is full of consistent writes that lost",
     [](World& w) {
       w.fates[token(1)] = World::fate(Fate::superseded);
       for (std::size_t i = 0; i < kv::kConflictsMax; ++i) w.is_listed(2);
     }},
    {"losers-listed", "nobody shows the list",
     [](World& w) { refuses<wire::ConflictsCall>(w, kWriter); }},

    {"in-doubt-resolves", "nobody knows what became of it",
     [](World& w) { w.doubtful = Doubtful::pending; }},
    {"in-doubt-resolves", "its node will not say",
     [](World& w) { refuses<wire::OutcomeCall>(w, kWriter); }},
    {"in-doubt-resolves", "its node forgot it too soon",
     [](World& w) {
       w.doubtful = Doubtful::forgotten;
       w.told.starts[kWriter] += kv::kIncarnationsMax - 1;
     }},
    {"", "its node forgot it behind as many later writes as it may",
     [](World& w) {
       w.doubtful = Doubtful::forgotten;
       w.told.writes[kWriter] += node::Writes::kReportedSpanMax + 1;
     }},
    {"", "its node forgot it behind as many other writes in doubt as it may",
     [](World& w) {
       w.doubtful = Doubtful::forgotten;
       w.told.doubtful[kWriter] = node::Writes::kReportedMax + 1;
     }},
    {"", "its node forgot it after as many starts as it may",
     [](World& w) {
       w.doubtful = Doubtful::forgotten;
       w.told.starts[kWriter] += kv::kIncarnationsMax;
     }},

    {"", "somebody read what was in doubt and happened", [](World& w) { w.was_read("in doubt"); }},
    {"linearizable", "somebody read what is said not to have happened",
     [](World& w) {
       w.was_read("in doubt");
       w.doubtful = Doubtful::did_not_happen;
     }},
    {"", "somebody read the offline write that won", [](World& w) { w.was_read("offline"); }},
    {"", "the nodes show the last write, an offline one that won",
     [](World& w) { w.wrote_last_and_shows("last"); }},
    {"linearizable", "the nodes do not show the last write, an offline one that won",
     [](World& w) { w.wrote_last_and_shows({}); }},
    {"linearizable", "somebody read an offline write that was superseded",
     [](World& w) {
       w.was_read("offline");
       w.fates[token(1)] = World::fate(Fate::superseded);
       w.is_listed(1);
     }},
    {"linearizable", "all nodes show an older value in the end",
     [](World& w) {
       w.told.history.push_back(w.set("older", Outcome::done));
       w.lie = [](Peer, const wire::Call& call) -> std::optional<wire::Reply> {
         if (!std::holds_alternative<wire::GetCall>(call)) return {};
         return wire::Answer(Response{.valid = true, .value = "older"});
       };
     }},

    {"convergence", "a node does not write", [](World& w) { refuses<wire::WriteCall>(w, kOther); }},
    {"convergence", "a write does not succeed",
     [](World& w) { says<wire::WriteCall>(w, kOther, wire::Answer(Response{.timeout = true})); }},
    {"convergence", "a node does not read", [](World& w) { refuses<wire::GetCall>(w, kOther); }},
    {"", "a node has no data, and says so",
     [](World& w) { refuses<wire::GetCall>(w, kOther, Errc::no_data); }},
    {"convergence", "a node shows another value",
     [](World& w) {
       says<wire::GetCall>(w, kOther, wire::Answer(Response{.valid = true, .value = "other"}));
     }},
    {"convergence", "a node shows none",
     [](World& w) { says<wire::GetCall>(w, kOther, wire::Answer(Response{})); }},
};

}  // namespace

TEST_CASE("what clients were told is true when all is over") {
  for (const Row& row : rows) {
    CAPTURE(row.why);
    World world;
    row.schedule(world);
    CHECK(world.broken() == row.broken);
  }
}
