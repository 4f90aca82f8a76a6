#include "interaction/player.hpp"

#include <algorithm>

#include <doctest/doctest.h>

namespace causeway::testing {
namespace {

using std::chrono::milliseconds;

std::uint64_t number_of(const std::string& text) { return std::stoull(text); }

}  // namespace

Duration duration_of(const std::string& text) {
  std::size_t end = 0;
  const double count = std::stod(text, &end);
  const std::string unit = text.substr(end);
  if (unit != "ms" && unit != "s") FAIL("a duration is written 200ms or 1.5s, not ", text);
  return Duration(static_cast<std::int64_t>(count * (unit == "s" ? 1e9 : 1e6)));
}

std::int64_t offset_ms_of(const std::string& text) {
  static const std::map<std::string, std::int64_t> kUnitMs = {
      {"", 1000}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"y", 31'557'600'000}};
  std::size_t end = 0;
  const std::int64_t count = std::stoll(text, &end);
  const auto unit = kUnitMs.find(text.substr(end));
  if (unit == kUnitMs.end()) FAIL("a clock is set off by +20y, -5m, 10s or 0, not by ", text);
  return count * unit->second;
}

const std::map<std::string, Player::Action>& Player::actions() {
  static const std::map<std::string, Action> kActions = {
      {"cluster", &Player::cluster},
      {"partition", &Player::partition},  // partition 3 | 1 2
      {"cut", &Player::cut},              // cut 1 2: neither way
      {"heal", &Player::heal},
      {"start", &Player::start},
      {"kill", &Player::kill},  // kill 1 [table=N]: N unflushed batches of its table survive
      {"power-loss", &Player::lose_power},
      {"stop", &Player::stop},
      {"wipe", &Player::wipe},
      {"copy", &Player::copy},        // keeps an image of the directory
      {"restore", &Player::restore},  // puts it back
      {"pause", &Player::pause},
      {"resume", &Player::resume},
      {"clock", &Player::clock},        // clock 1 +20y
      {"slow-log", &Player::slow_log},  // slow-log 1 500ms: each sync of its Raft log
      {"disk", &Player::disk},          // disk 3 journal|raft full|free
      {"lose", &Player::lose},          // lose from=3 to=1 kind=forward [count=1]; lose nothing
      {"run", &Player::run},            // run for=2s; run until=quiet|leader
      {"get", &Player::call},
      {"set", &Player::call},
      {"swap", &Player::call},
      {"del", &Player::call},
      {"await", &Player::call},
      {"outcome", &Player::call},
      {"pending", &Player::call},
      {"conflicts", &Player::call},
      {"status", &Player::call},
  };
  return kActions;
}

std::vector<std::string> Player::play(const Block& block) {
  for (const Command& command : commands_of(block)) {
    INFO("command: ", command.text);
    const auto action = actions().find(command.name);
    if (action == actions().end()) FAIL("unknown command: ", command.text);
    if (cluster_ == nullptr && command.name != "cluster") FAIL("the first command is cluster");
    (this->*action->second)(command);
  }
  return narrator_ ? narrator_->take_lines() : std::vector<std::string>{};
}

// ---- the world

void Player::build(const Command& command, std::uint64_t seed) {
  narrator_.reset();
  ClusterSettings settings{.seed = seed, .nodes = number_of(command.option("nodes", "3"))};
  if (command.has("journal")) settings.journal_bytes_max = number_of(command.option("journal"));
  if (command.has("segments")) {
    settings.raft_segment_bytes = number_of(command.option("segments"));
    settings.journal_segment_bytes = settings.raft_segment_bytes;
  }
  cluster_ = std::make_unique<VirtualCluster>(settings);
  if (const std::string clock = command.option("clock"); !clock.empty()) {  // clock=1:+20y
    const auto colon = clock.find(':');
    cluster_->node(clock.substr(0, colon)).clocks.wall_offset_ms =
        offset_ms_of(clock.substr(colon + 1));
  }
  narrator_ = std::make_unique<Narrator>(*cluster_);
  cluster_->on_log = [](const std::string&, const node::LogLine&) {};
  cluster_->on_answer = [this](const std::string& node, node::CallHandle handle,
                               const wire::Reply& reply) {
    const auto asked = asked_.extract(handle.call);
    if (!asked.empty())
      narrator_->say(node, asked.mapped() + ": " + narrator_->words().reply(reply));
  };
  cluster_->lets_pass = [this](const std::string& from, const std::string& to,
                               const consensus::Message& message) {
    return passes(from, to, message);
  };
}

// With leader=N the first seed is taken under which N is the first leader, so that a script can
// name nodes by what they are. How the cluster came together is told with told=yes only: it is the
// same everywhere.
void Player::cluster(const Command& command) {
  const std::string leader = command.option("leader");
  for (std::uint64_t seed = number_of(command.option("seed", "1"));; ++seed) {
    losses_.clear();
    asked_.clear();
    build(command, seed);
    if (command.option("start") == "no") return;
    cluster_->start_all();
    run_until("leader", &Player::led, std::chrono::seconds(60));
    if (leader.empty() || cluster_->node(leader).peek()->role == "leader") break;
  }
  run_until("quiet", &Player::quiet, std::chrono::seconds(60));
  if (command.option("told") == "yes") return;
  static_cast<void>(narrator_->take_lines());
  for (const std::string& name : cluster_->names()) {
    const auto status = cluster_->node(name).peek();
    if (status->role == "leader")
      narrator_->say(name, "leads in term " + std::to_string(status->term.value) +
                               ", all have applied " + std::to_string(status->applied_index.value));
  }
}

// ---- the network and time

void Player::lose(const Command& command) {
  if (command.words == std::vector<std::string>{"nothing"}) {
    losses_.clear();
    return;
  }
  losses_.push_back({.from = command.option("from"),
                     .to = command.option("to"),
                     .kind = command.option("kind"),
                     .left = number_of(command.option("count", "1000000"))});
}

bool Player::passes(const std::string& from, const std::string& to,
                    const consensus::Message& message) {
  const std::string kind = testing::kind_of(message);
  for (Loss& loss : losses_) {
    if (loss.left == 0 || (!loss.from.empty() && loss.from != from) ||
        (!loss.to.empty() && loss.to != to) || (!loss.kind.empty() && loss.kind != kind))
      continue;
    --loss.left;
    narrator_->say(from, kind + " to " + to + " is lost");
    return false;
  }
  return true;
}

/// A node leads, and more than half follow it.
bool Player::led() {
  std::map<std::string, std::size_t> followers;
  for (const std::string& name : cluster_->names()) {
    const auto status = cluster_->node(name).peek();
    if (status && !status->leader.empty()) ++followers[status->leader];
  }
  return std::any_of(followers.begin(), followers.end(), [&](const auto& each) {
    const auto status = cluster_->node(each.first).peek();
    return status && status->role == "leader" && each.second > cluster_->names().size() / 2;
  });
}

/// All that run have applied the same, and nothing is pending.
bool Player::quiet() {
  std::set<std::uint64_t> applied;
  for (const std::string& name : cluster_->names()) {
    const auto status = cluster_->node(name).peek();
    if (!cluster_->node(name).running()) continue;
    if (!status || status->pending != 0 || status->applied_index != status->commit_index)
      return false;
    applied.insert(status->applied_index.value);
  }
  return applied.size() <= 1 && asked_.empty() && led();
}

void Player::run(const Command& command) {
  const std::string until = command.option("until");
  if (until.empty()) return cluster_->run_for(duration_of(command.option("for")));
  if (until != "quiet" && until != "leader") FAIL("run until=quiet or until=leader: ", until);
  run_until(until, until == "quiet" ? &Player::quiet : &Player::led, std::chrono::seconds(60));
}

// Until it holds and half a second long nothing was narrated.
void Player::run_until(const std::string& what, bool (Player::*holds)(), Duration bound) {
  const Instant end = cluster_->time().now() + bound;
  std::size_t lines = 0;
  do {
    if (cluster_->time().now() >= end) {
      narrator_->say("?", "is not " + what + " within the bound");
      return;
    }
    lines = narrator_->lines();
    cluster_->run_for(milliseconds(what == "quiet" ? 500 : 10));
  } while (!(this->*holds)() || (what == "quiet" && narrator_->lines() != lines));
}

}  // namespace causeway::testing
