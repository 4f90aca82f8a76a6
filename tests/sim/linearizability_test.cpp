// The checker itself: tables of good and bad histories, a twin that tries every order, and its
// speed.

#include "sim/linearizability.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace causeway::sim;

namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Value = std::optional<std::string>;

const Value kAbsentValue;
constexpr std::uint64_t kUnknown = 0;  // as the time of an answer: none came

Operation make(Kind kind, std::uint64_t called, std::uint64_t answered) {
  return {.key = "k",
          .kind = kind,
          .called = called,
          .answered = answered,
          .outcome = answered == kUnknown ? Outcome::unknown : Outcome::done};
}
Operation get(std::uint64_t called, std::uint64_t answered, Value found) {
  Operation result = make(Kind::get, called, answered);
  result.found = std::move(found);
  return result;
}
Operation set(std::uint64_t called, std::uint64_t answered, Value written) {
  Operation result = make(Kind::set, called, answered);
  result.written = std::move(written);
  return result;
}
Operation remove(std::uint64_t called, std::uint64_t answered, std::optional<bool> was_there) {
  Operation result = make(Kind::remove, called, answered);
  result.was_there = was_there;
  return result;
}
Operation swap(std::uint64_t called, std::uint64_t answered, Value written, Value expected) {
  Operation result = make(Kind::swap, called, answered);
  result.written = std::move(written);
  result.expected = std::move(expected);
  return result;
}
Operation mismatch(std::uint64_t called, std::uint64_t answered, Value written, Value expected,
                   Value found) {
  Operation result = swap(called, answered, std::move(written), std::move(expected));
  result.outcome = Outcome::mismatch;
  result.found = std::move(found);
  return result;
}
Operation timeout(Operation operation) {
  operation.outcome = Outcome::did_not_happen;
  return operation;
}
Operation on(std::string key, Operation operation) {
  operation.key = std::move(key);
  return operation;
}

struct Row {
  std::string why;
  std::vector<Operation> history;
};

const std::vector<Row> good = {
    {"nothing happened", {}},
    {"a key starts absent", {get(1, 2, kAbsentValue)}},
    {"one after the other", {set(1, 2, "a"), get(3, 4, "a"), set(5, 6, "b"), get(7, 8, "b")}},
    {"a read beside a write may see the value before", {set(1, 5, "a"), get(2, 3, kAbsentValue)}},
    {"or the one after", {set(1, 5, "a"), get(2, 3, "a")}},
    {"the second read beside it sees it",
     {set(1, 9, "a"), get(2, 3, kAbsentValue), get(4, 5, "a")}},
    {"an answer and a call at the same time overlap", {set(1, 2, "a"), get(2, 3, kAbsentValue)}},
    {"two writes at once, in either order", {set(1, 5, "a"), set(1, 5, "b"), get(6, 7, "a")}},
    {"a write in doubt happened", {set(1, kUnknown, "a"), get(5, 6, "a")}},
    {"it never happened", {set(1, kUnknown, "a"), get(5, 6, kAbsentValue)}},
    {"it happened long after its call",
     {set(1, kUnknown, "a"), get(5, 6, kAbsentValue), set(7, 8, "b"), get(9, 10, "b"),
      get(20, 21, "a")}},
    {"two in doubt with the same value, both needed",
     {set(1, kUnknown, "a"), set(1, kUnknown, "a"), get(3, 4, "a"), set(5, 6, "b"), get(7, 8, "b"),
      get(9, 10, "a")}},
    {"a timeout left no trace", {timeout(set(1, 2, "a")), get(3, 4, kAbsentValue)}},
    {"a swap that created", {swap(1, 2, "a", kAbsentValue), get(3, 4, "a")}},
    {"a swap that followed", {set(1, 2, "a"), swap(3, 4, "b", "a"), get(5, 6, "b")}},
    {"a swap that did not match", {set(1, 2, "a"), mismatch(3, 4, "c", "b", "a"), get(5, 6, "a")}},
    {"a mismatch is answered with what stands there by then",
     {set(1, 2, "a"), mismatch(3, 8, "c", "b", "b"), set(4, 7, "b")}},
    {"a swap in doubt happened, seen by the next",
     {set(1, 2, "a"), swap(3, kUnknown, "b", "a"), swap(5, 6, "c", "b"), get(7, 8, "c")}},
    {"a swap in doubt may have met another value",
     {set(1, 2, "a"), swap(3, kUnknown, "b", "z"), get(5, 6, "a")}},
    {"a value nobody saw explains a mismatch",
     {set(1, 2, "a"), set(3, kUnknown, "x"), mismatch(5, 8, "c", "a", "d"), set(6, 9, "d")}},
    {"remove says what was there", {set(1, 2, "a"), remove(3, 4, true), remove(5, 6, false)}},
    {"a remove whose answer did not say what was there",
     {set(1, 2, "a"), remove(3, 4, {}), remove(5, 6, {}), get(7, 8, kAbsentValue)}},
    {"such a remove is needed behind a write, though it fits before it",
     {remove(1, 9, {}), set(2, 5, "a"), get(3, 4, "a"), get(10, 11, kAbsentValue)}},
    {"a remove in doubt happened",
     {set(1, 2, "a"), remove(3, kUnknown, false), get(5, 6, "a"), get(7, 8, kAbsentValue)}},
    {"a value nobody saw explains a remove that met something",
     {set(1, kUnknown, "a"), remove(3, 4, true), get(5, 6, kAbsentValue)}},
    {"two that nobody saw explain two removes",
     {set(1, kUnknown, "a"), set(1, kUnknown, "b"), remove(3, 4, true), remove(5, 6, true)}},
    {"a read in doubt says nothing", {get(1, kUnknown, "z"), get(3, 4, kAbsentValue)}},
    {"keys have nothing to do with each other",
     {on("x", set(1, 2, "a")), on("y", get(3, 4, kAbsentValue)), on("x", get(5, 6, "a"))}},
};

const std::vector<Row> bad = {
    {"a value from nowhere", {get(1, 2, "a")}},
    {"a stale read", {set(1, 2, "a"), set(3, 4, "b"), get(5, 6, "a")}},
    {"a lost write", {set(1, 2, "a"), get(3, 4, kAbsentValue)}},
    {"a read of the future", {get(1, 2, "a"), set(3, 4, "a")}},
    {"a read of the future, of a write in doubt", {get(1, 2, "a"), set(3, kUnknown, "a")}},
    {"reads go back in time", {set(1, 2, "a"), set(3, 9, "b"), get(4, 5, "b"), get(6, 7, "a")}},
    {"two readers see two orders",
     {set(1, 2, "a"), set(1, 2, "b"), get(3, 4, "a"), get(5, 6, "b")}},
    {"a lost update: two swaps from one value",
     {set(1, 2, "a"), swap(3, 6, "b", "a"), swap(3, 6, "c", "a")}},
    {"two creations of one key", {swap(1, 4, "a", kAbsentValue), swap(1, 4, "b", kAbsentValue)}},
    {"a remove that did nothing", {set(1, 2, "a"), remove(3, 4, {}), get(5, 6, "a")}},
    {"a timeout that took effect", {timeout(set(1, 2, "a")), get(3, 4, "a")}},
    {"a swap that timed out and took effect",
     {set(1, 2, "a"), timeout(swap(3, 4, "b", "a")), get(5, 6, "b")}},
    {"a value between old and new of a swap",
     {set(1, 2, "a"), swap(3, 9, "b", "a"), get(4, 5, kAbsentValue)}},
    {"a swap that did not match changed something",
     {set(1, 2, "a"), mismatch(3, 4, "c", "b", "a"), get(5, 6, "c")}},
    {"a mismatch though it matched all the time", {set(1, 2, "a"), mismatch(3, 4, "c", "a", "a")}},
    {"a write in doubt took effect twice",
     {set(1, kUnknown, "a"), get(3, 4, "a"), set(5, 6, "b"), get(7, 8, "b"), get(9, 10, "a")}},
    {"a swap in doubt took effect twice",
     {set(1, 2, "a"), swap(3, kUnknown, "b", "a"), get(5, 6, "b"), set(7, 8, "a"),
      get(9, 10, "b")}},
    {"a removed value came back", {set(1, 2, "a"), remove(3, 4, true), get(5, 6, "a")}},
    {"remove says absent where something stood", {set(1, 2, "a"), remove(3, 4, false)}},
    {"remove says something stood where nothing did", {remove(1, 2, true)}},
    {"one that nobody saw cannot explain two removes",
     {set(1, kUnknown, "a"), remove(3, 4, true), remove(5, 6, true)}},
    {"one key is good, the other is not",
     {on("x", set(1, 2, "a")), on("x", get(3, 4, "a")), on("y", get(3, 4, "a"))}},
};

// Carries out `order` of `history` as it stands; nothing clever.
bool explains(const std::vector<Operation>& history, const std::vector<std::size_t>& order) {
  for (std::size_t later = 0; later < order.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const Operation& first = history[order[earlier]];
      const Operation& second = history[order[later]];
      if (second.outcome != Outcome::unknown && second.answered < first.called) return false;
    }
  }
  Value state;
  for (const std::size_t index : order) {
    const Operation& op = history[index];
    const bool unknown = op.outcome == Outcome::unknown;
    switch (op.kind) {
      case Kind::get:
        if (!unknown && op.found != state) return false;
        break;
      case Kind::set: state = op.written; break;
      case Kind::remove:
        if (!unknown && op.was_there && op.was_there != state.has_value()) return false;
        state.reset();
        break;
      case Kind::swap:
        if (op.outcome == Outcome::mismatch) {
          if (op.expected == state) return false;
        } else if (op.expected == state) {
          state = op.written;
        } else if (!unknown) {
          return false;
        }
        break;
    }
  }
  return true;
}

// The twin: every subset of what is in doubt, in every order.
bool linearizable_by_brute_force(const std::vector<Operation>& clients_saw) {
  std::vector<Operation> history;  // a mismatch is a comparison and a read, each at its own moment
  for (const Operation& op : clients_saw) {
    if (op.outcome == Outcome::did_not_happen) continue;
    history.push_back(op);
    if (op.outcome == Outcome::mismatch) history.push_back(get(op.called, op.answered, op.found));
  }
  for (std::uint32_t subset = 0; subset < (1u << history.size()); ++subset) {
    std::vector<std::size_t> order;
    bool whole = true;
    for (std::size_t i = 0; i < history.size(); ++i) {
      if ((subset >> i & 1) != 0) {
        order.push_back(i);
      } else if (history[i].outcome != Outcome::unknown) {
        whole = false;
      }
    }
    if (!whole) continue;
    do {
      if (explains(history, order)) return true;
    } while (std::next_permutation(order.begin(), order.end()));
  }
  return false;
}

using Random = std::mt19937_64;
std::uint64_t below(Random& random, std::uint64_t bound) { return random() % bound; }

// A few operations with values from a small set, so that about half of the histories are good.
// alike   several may write the same value
std::vector<Operation> tiny_history(Random& random, bool alike) {
  const auto value = [&]() -> Value {
    const auto drawn = below(random, 4);
    return drawn == 0 ? kAbsentValue : Value(std::string(1, static_cast<char>('a' + drawn - 1)));
  };
  std::vector<Operation> history;
  const auto written = [&] {
    const auto drawn = alike ? below(random, 3) : history.size();
    return Value(std::string(1, static_cast<char>('a' + drawn)));
  };
  const std::uint64_t count = 1 + below(random, 6);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t called = 1 + below(random, 12);
    std::uint64_t answered = called + below(random, 6);
    if (below(random, 4) == 0) answered = kUnknown;
    Operation operation;
    switch (below(random, 5)) {
      case 0: operation = get(called, answered, value()); break;
      case 1: operation = set(called, answered, written()); break;
      case 2: {
        const auto told = below(random, 3);
        operation =
            remove(called, answered, told == 2 ? std::nullopt : std::optional<bool>(told == 0));
        break;
      }
      case 3: operation = swap(called, answered, written(), value()); break;
      default:
        if (answered == kUnknown) answered = called;
        operation = mismatch(called, answered, written(), value(), value());
        break;
    }
    if (below(random, 12) == 0) operation = timeout(operation);
    history.push_back(operation);
  }
  return history;
}

struct Load {
  std::size_t clients = 8;
  std::size_t count = 10'000;
  std::uint64_t keys = 4;
  std::uint64_t lost_percent = 2;  ///< of the answers
  std::uint64_t late = 5000;       ///< what lost its answer may happen so much later
};

// What clients see of a store that is correct: each operation takes effect somewhere between its
// call and its answer. Some answers are lost, of which some operations never happen.
std::vector<Operation> correct_history(Random& random, const Load& load) {
  struct Client {
    std::uint64_t free_at = 0;
  };
  std::vector<Client> each(load.clients);
  std::vector<std::pair<std::uint64_t, Operation>> moments;
  for (std::size_t i = 0; i < load.count; ++i) {
    const auto client = below(random, each.size());
    const std::uint64_t called = each[client].free_at + 1 + below(random, 50);
    const std::uint64_t moment = called + below(random, 100);
    const std::uint64_t answered = moment + below(random, 100);
    each[client].free_at = answered;
    Operation operation = make(Kind::get, called, answered);
    operation.key = "key" + std::to_string(below(random, load.keys));
    operation.client = static_cast<int>(client);
    const auto what = below(random, 10);
    operation.kind = what < 4   ? Kind::get
                     : what < 7 ? Kind::set
                     : what < 9 ? Kind::swap
                                : Kind::remove;
    if (operation.kind == Kind::set || operation.kind == Kind::swap) {
      operation.written = "value" + std::to_string(i);
    }
    if (below(random, 100) < load.lost_percent) operation.outcome = Outcome::unknown;
    const bool lost = operation.outcome == Outcome::unknown;
    moments.emplace_back(moment + (lost ? below(random, load.late) : 0), operation);
  }
  std::stable_sort(moments.begin(), moments.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::pair<std::string, Value>> states;
  const auto state_of = [&](const std::string& key) -> Value& {
    for (auto& [name, state] : states) {
      if (name == key) return state;
    }
    return states.emplace_back(key, kAbsentValue).second;
  };
  std::vector<Operation> history;
  for (auto& [moment, operation] : moments) {
    Value& state = state_of(operation.key);
    const bool lost = operation.outcome == Outcome::unknown && below(random, 2) == 0;
    switch (operation.kind) {
      case Kind::get: operation.found = state; break;
      case Kind::set:
        if (!lost) state = operation.written;
        break;
      case Kind::remove:
        operation.was_there = state.has_value();
        if (!lost) state.reset();
        break;
      case Kind::swap:
        operation.expected = below(random, 2) == 0 ? state : Value("something else");
        if (operation.expected == state) {
          if (!lost) state = operation.written;
        } else if (operation.outcome == Outcome::done) {
          operation.outcome = Outcome::mismatch;
          operation.found = state;
        }
        break;
    }
    history.push_back(operation);
  }
  return history;
}

// One read finds a value that was overwritten long before.
void show_a_stale_value(std::vector<Operation>& history) {
  const auto old = std::find_if(history.begin(), history.end(), [](const Operation& operation) {
    return operation.kind == Kind::set && operation.outcome == Outcome::done;
  });
  REQUIRE(old != history.end());
  const auto late = std::find_if(old + 2500, history.end(), [&](const Operation& operation) {
    return operation.kind == Kind::get && operation.outcome == Outcome::done &&
           operation.key == old->key;
  });
  REQUIRE(late != history.end());
  late->found = old->written;
}

}  // namespace

TEST_CASE("a history that some order explains is linearizable") {
  for (const Row& row : good) {
    CAPTURE(row.why);
    const HistoryVerdict verdict = check_linearizable(row.history);
    CAPTURE(verdict.explanation);
    CHECK(verdict.kind == HistoryVerdict::Kind::linearizable);
  }
}

TEST_CASE("a history that no order explains is not, and the explanation names an operation") {
  for (const Row& row : bad) {
    CAPTURE(row.why);
    const HistoryVerdict verdict = check_linearizable(row.history);
    CHECK(verdict.kind == HistoryVerdict::Kind::not_linearizable);
    CHECK(verdict.explanation.find("client 0") != std::string::npos);
  }
}

TEST_CASE("the tables agree with the twin that tries every order") {
  for (const Row& row : good) {
    if (row.why.find("keys") != std::string::npos) continue;
    CAPTURE(row.why);
    CHECK(linearizable_by_brute_force(row.history));
  }
  for (const Row& row : bad) {
    if (row.why.find("one key") != std::string::npos) continue;
    CAPTURE(row.why);
    CHECK_FALSE(linearizable_by_brute_force(row.history));
  }
}

TEST_CASE("on tiny random histories the checker and the twin agree") {
  Random random(20240229);
  int linearizable = 0;
  constexpr int kHistories = 3000;
  for (int i = 0; i < kHistories; ++i) {
    const std::vector<Operation> history = tiny_history(random, i % 2 == 0);
    const bool want = linearizable_by_brute_force(history);
    const bool have = check_linearizable(history).kind == HistoryVerdict::Kind::linearizable;
    linearizable += want ? 1 : 0;
    if (want == have) continue;
    std::string text;
    for (const Operation& operation : history) text += to_string(operation) + '\n';
    CAPTURE(text);
    CHECK(want == have);
  }
  CHECK(linearizable > kHistories / 10);  // the test is worth nothing if all are of one kind
  CHECK(linearizable < kHistories * 9 / 10);
}

TEST_CASE("ten thousand operations are judged with little search, however many are in doubt") {
  for (const Load& load : {Load{}, Load{.lost_percent = 20, .late = 100'000},
                           Load{.keys = 1, .lost_percent = 40, .late = 100'000},
                           Load{.clients = 30, .keys = 1, .lost_percent = 20},
                           Load{.clients = 30, .keys = 2, .lost_percent = 60, .late = 100'000},
                           Load{.keys = 2, .lost_percent = 80}}) {
    CAPTURE(load.clients);
    CAPTURE(load.keys);
    CAPTURE(load.lost_percent);
    Random random(7);
    std::vector<Operation> history = correct_history(random, load);
    const HistoryVerdict verdict = check_linearizable(history);
    CAPTURE(verdict.explanation);
    CHECK(verdict.kind == HistoryVerdict::Kind::linearizable);
    CHECK(verdict.steps < 2 * load.count);

    show_a_stale_value(history);
    const HistoryVerdict stale = check_linearizable(history);
    CHECK(stale.kind == HistoryVerdict::Kind::not_linearizable);
    CHECK(stale.steps < 20 * load.count);
  }
}

TEST_CASE("a search that would take too long gives up, and says so") {
  Random random(7);
  CHECK(check_linearizable(correct_history(random, {.count = 1000}), 10).kind ==
        HistoryVerdict::Kind::gave_up);
}

TEST_CASE("an operation in words has the times of the trace, and its outcome once") {
  Operation removal{.key = "door",
                    .kind = Operation::Kind::remove,
                    .called = 53'538'051'248,
                    .outcome = Operation::Outcome::unknown,
                    .client = 2};
  CHECK(to_string(removal) == "client 2 [53.538051s, ?] remove door -> unknown");
  removal.outcome = Operation::Outcome::done;
  removal.was_there = true;
  removal.answered = 54'000'000'000;
  CHECK(to_string(removal) == "client 2 [53.538051s, 54.000000s] remove door -> was there");
}
