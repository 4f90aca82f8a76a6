#include "trouble.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <doctest/doctest.h>

namespace causeway::test {

int rounds() {
  const char* const wanted = std::getenv("CAUSEWAY_ROUNDS");
  return wanted != nullptr ? std::max(1, std::atoi(wanted)) : 8;
}

std::uint64_t seed() {
  const char* const wanted = std::getenv("CAUSEWAY_SEED");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 20240301;
}

std::uint64_t fresh_seed() {
  return std::getenv("CAUSEWAY_SEED") != nullptr ? seed() : std::random_device{}();
}

LoadOptions load_options(const Cluster& cluster) {
  LoadOptions options;
  for (Cluster::Number node = 1; node <= cluster.size(); ++node) {
    options.servers.push_back(cluster.address(node));
  }
  return options;
}

namespace {

// These tests draw moments; they do not wait for anything.
void nap(std::mt19937_64& random, std::uint64_t ms_max) {
  std::this_thread::sleep_for(std::chrono::microseconds(random() % (ms_max * 1000)));
}

}  // namespace

void trouble(Cluster& cluster, std::mt19937_64& random) {
  nap(random, 400);
  std::vector<Cluster::Number> victims = {1, 2, 3};
  std::shuffle(victims.begin(), victims.end(), random);
  const std::uint64_t drawn = random() % 10;
  victims.resize(drawn < 6 ? 1 : drawn < 9 ? 2 : 3);  // mostly a minority
  cluster.kill(victims);
  nap(random, 700);
  for (const Cluster::Number victim : victims) {
    cluster.start({victim});
    nap(random, 100);
  }
  nap(random, 400);
}

void pause_one(Cluster& cluster, std::mt19937_64& random) {
  nap(random, 400);
  const Cluster::Number victim = 1 + random() % cluster.size();
  cluster.pause(victim);
  nap(random, 1500);
  cluster.resume(victim);
  nap(random, 400);
}

std::vector<Operation> read_everywhere(const Cluster& cluster, std::size_t keys) {
  std::vector<Operation> history;
  for (std::size_t key = 0; key < keys; ++key) {
    std::vector<Response> answers;
    for (Cluster::Number node = 1; node <= cluster.size(); ++node) {
      Operation get{.key = "key" + std::to_string(key), .client = 100};
      const auto client = cluster.client(node);
      get.called = now_ns();
      answers.push_back(take(client->get(get.key, kPatient)));
      get.answered = now_ns();
      if (answers.back().valid) get.found = answers.back().value;
      history.push_back(get);
      CAPTURE(get.key);
      CAPTURE(node);
      REQUIRE_FALSE(answers.back().timeout);
      CHECK(answers.back().valid == answers.front().valid);
      CHECK(answers.back().value == answers.front().value);
      CHECK(answers.back().version == answers.front().version);
    }
  }
  return history;
}

std::string surprises_of(const std::vector<Seen>& all) {
  std::string text;
  for (const Seen& seen : all) {
    for (const std::string& surprise : seen.surprises) text += surprise + '\n';
  }
  return text;
}

}  // namespace causeway::test
