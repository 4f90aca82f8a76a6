// kill -9 and pauses at random moments, while eight clients mix consistent and offline operations.
// Each has keys of its own and goes through one node, so for each of its keys it knows what must
// stand there: the last write that was acknowledged, or one after it that is in doubt. (Program
// order at a node, own writes, and "an offline write is never undone by a consistent one before
// it": promises 2 and 3.)

#include <algorithm>
#include <deque>
#include <map>
#include <thread>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "trouble.hpp"

using namespace causeway;
using namespace causeway::test;
using std::chrono::milliseconds;

namespace {

using Number = Cluster::Number;
using Content = std::optional<std::string>;  // empty: absent

constexpr ReadOptions kRead{.blocking = false, .timeout = milliseconds(3000)};
constexpr WriteOptions kWrite{
    .blocking = false, .timeout = milliseconds(3000), .in_doubt = InDoubt::report};

std::string content_text(const Content& value) { return value.value_or("(absent)"); }

// What may stand under one key: first what is certain, then what is in doubt, oldest first.
// Whatever is seen rules out all before it: writes of one node take effect in their order or not at
// all.
class Expected {
 public:
  void acknowledged(Content value) { may_be_ = {std::move(value)}; }
  void in_doubt(Content value) { may_be_.push_back(std::move(value)); }
  /// False: that cannot be.
  bool seen(const Content& value) {
    const auto it = std::find(may_be_.begin(), may_be_.end(), value);
    if (it == may_be_.end()) return false;
    may_be_.erase(may_be_.begin(), it);
    return true;
  }
  [[nodiscard]] const Content& certain() const { return may_be_.front(); }
  [[nodiscard]] bool is_certain() const { return may_be_.size() == 1; }
  [[nodiscard]] std::string text() const {
    std::string result;
    for (const Content& value : may_be_) result += " " + content_text(value);
    return result;
  }

 private:
  std::deque<Content> may_be_ = {std::nullopt};
};

struct Tally {
  std::vector<std::string> violations;
  std::map<std::string, Expected> keys;
  std::size_t acknowledged = 0;
  std::size_t in_doubt = 0;
};

class MixedClient {
 public:
  MixedClient(std::string server, std::size_t number, const std::atomic<bool>& stop)
      : server_(std::move(server)), number_(number), stop_(stop), random_(seed() * 64 + number) {}

  Tally run() {
    for (std::size_t i = 0; !stop_; ++i) {
      std::this_thread::sleep_for(milliseconds(2));
      if (!client_) connect();
      if (client_) one(i);
    }
    return std::move(tally_);
  }

 private:
  void connect() {
    auto connected = Client::connect({.servers = {server_}, .connect_timeout = milliseconds(500)});
    if (connected) {
      client_ = std::move(connected).value();
    } else {
      std::this_thread::sleep_for(milliseconds(10));
    }
  }

  void one(std::size_t i) {
    const std::string key = std::to_string(number_) + "/" + std::to_string(random_() % 3);
    const std::string value = std::to_string(number_) + "." + std::to_string(i);
    Expected& expected = tally_.keys[key];
    switch (random_() % 8) {
      case 0: return read(key, expected, kRead, "get");
      case 1:
      case 2: return read(key, expected, kLocal, "local get");
      case 3: return write(expected, value, client_->set(key, value, kWrite));
      case 4:
      case 5: return write(expected, value, client_->set(key, value, kOffline));
      case 6:
        return write(expected, std::nullopt,
                     client_->remove(key, random_() % 2 == 0 ? kWrite : kOffline));
      default: return swap(key, expected, value);
    }
  }

  void read(const std::string& key, Expected& expected, const ReadOptions& options,
            const char* what) {
    const std::string before = expected.text();
    const auto got = client_->get(key, options);
    if (!got) {
      // A node that never held anything cannot say "absent".
      if (got.error().code != Errc::no_data) client_.reset();
      return;
    }
    if (got.value().timeout) return;
    const Content value = got.value().valid ? Content(got.value().value) : std::nullopt;
    if (expected.seen(value)) return;
    tally_.violations.push_back(std::string(what) + " of " + key + " through " + server_ +
                                " says " + content_text(value) + ", may be" + before);
  }

  void write(Expected& expected, const Content& value, const Result<Response>& result) {
    if (!result) {
      if (result.error().code != Errc::unavailable && result.error().code != Errc::exhausted) {
        tally_.violations.push_back("unexpected error: " + result.error().detail);
      }
      client_.reset();
      return;
    }
    if (result.value().timeout) return;  // did not happen, and never will
    if (result.value().in_doubt) {
      ++tally_.in_doubt;
      expected.in_doubt(value);
      client_.reset();
      return;
    }
    ++tally_.acknowledged;
    expected.acknowledged(value);
  }

  void swap(const std::string& key, Expected& expected, const std::string& value) {
    const Content old = expected.certain();
    const bool certain = expected.is_certain();
    const auto result = client_->swap(key, value, old, kWrite);
    const bool mismatch =
        result && !result.value().valid && !result.value().timeout && !result.value().in_doubt;
    if (!mismatch) return write(expected, value, result);
    const Content found = result.value().absent ? std::nullopt : Content(result.value().value);
    if (certain || !expected.seen(found)) {
      tally_.violations.push_back("swap of " + key + " did not match: found " +
                                  content_text(found) + ", may be" + expected.text());
    }
  }

  const std::string server_;
  const std::size_t number_;
  const std::atomic<bool>& stop_;
  std::mt19937_64 random_;
  std::unique_ptr<Client> client_;
  Tally tally_;
};

}  // namespace

TEST_CASE(
    "mixed: a client that stays with its node reads its last write, whatever is killed or paused") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  constexpr std::size_t kClients = 8;
  std::vector<Tally> tallies(kClients);
  {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (std::size_t number = 0; number < kClients; ++number) {
      threads.emplace_back([&, number] {
        MixedClient client(cluster.address(1 + number % cluster.size()), number, stop);
        tallies[number] = client.run();
      });
    }
    std::mt19937_64 random(seed() + 2);
    for (int round = 0; round < rounds(); ++round) {
      if (random() % 3 == 0) {
        pause_one(cluster, random);
      } else {
        trouble(cluster, random);
      }
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
  }
  cluster.wait_for_leader();

  std::size_t acknowledged = 0;
  std::size_t in_doubt = 0;
  for (std::size_t number = 0; number < kClients; ++number) {
    Tally& tally = tallies[number];
    acknowledged += tally.acknowledged;
    in_doubt += tally.in_doubt;
    CHECK(tally.violations.size() == 0);
    for (std::size_t i = 0; i < std::min<std::size_t>(5, tally.violations.size()); ++i) {
      MESSAGE(tally.violations[i]);
    }
    // What is left to see: through its own node first, so that what is pending settles.
    const Number own = 1 + number % cluster.size();
    for (auto& [key, expected] : tally.keys) {
      for (const Number node : {own, Number{1}, Number{2}, Number{3}}) {
        const Response got = take(cluster.client(node)->get(key, kPatient));
        CAPTURE(key);
        CAPTURE(node);
        CAPTURE(got.value);
        CAPTURE(expected.text());
        CHECK(expected.seen(got.valid ? Content(got.value) : std::nullopt));
      }
    }
  }
  MESSAGE(acknowledged, " writes acknowledged, ", in_doubt, " in doubt");
  CHECK(acknowledged > 500);
}
