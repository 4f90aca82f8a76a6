// The part of the player that breaks and mends: links, processes, machines, clocks, disks.
#include <doctest/doctest.h>

#include "interaction/player.hpp"

namespace causeway::testing {
namespace {

std::vector<std::set<std::string>> groups_of(const std::vector<std::string>& words) {
  std::vector<std::set<std::string>> groups(1);
  for (const std::string& word : words) {
    if (word == "|") {
      groups.emplace_back();
    } else {
      groups.back().insert(word);
    }
  }
  return groups;
}

}  // namespace

void Player::partition(const Command& command) { cluster_->partition(groups_of(command.words)); }
void Player::cut(const Command& command) {
  cluster_->cut(command.words.at(0), command.words.at(1));
  cluster_->cut(command.words.at(1), command.words.at(0));
}
void Player::heal(const Command&) { cluster_->heal(); }

void Player::start(const Command& command) {
  for (const std::string& name : command.words) {
    narrator_->begins(name);
    const auto started = cluster_->try_start(name);
    if (!started) {
      narrator_->say(name, "refuses to start: " + started.error().detail);
      continue;
    }
    REQUIRE(cluster_->run_until([&] { return cluster_->ready_nodes.contains(name); }));
  }
}

void Player::kill(const Command& command) {
  for (const std::string& name : command.words) {
    narrator_->say(name, "is killed");
    cluster_->kill(name, std::stoull(command.option("table", "0")));
  }
}

void Player::lose_power(const Command& command) {
  for (const std::string& name : command.words) {
    narrator_->say(name, "loses power");
    cluster_->lose_power(name);
  }
}

void Player::stop(const Command& command) {
  for (const std::string& name : command.words) {
    cluster_->stop(name);
    narrator_->say(name, "has stopped");
  }
}
void Player::wipe(const Command& command) {
  cluster_->node(command.words.at(0)).wipe();
  narrator_->changes_directory(command.words.at(0));
}
void Player::copy(const Command& command) {
  copies_[command.words.at(0)] = cluster_->node(command.words.at(0)).directory();
}
void Player::restore(const Command& command) {
  cluster_->node(command.words.at(0)).restore(copies_.at(command.words.at(0)));
  narrator_->changes_directory(command.words.at(0));
}
void Player::pause(const Command& command) { cluster_->node(command.words.at(0)).pause(); }
void Player::resume(const Command& command) { cluster_->node(command.words.at(0)).resume(); }
void Player::clock(const Command& command) {
  cluster_->node(command.words.at(0)).clocks.wall_offset_ms = offset_ms_of(command.words.at(1));
}
void Player::slow_log(const Command& command) {
  cluster_->node(command.words.at(0)).slow_raft_log = duration_of(command.words.at(1));
}

void Player::disk(const Command& command) {
  DataDirectory& directory = cluster_->node(command.words.at(0)).directory();
  MemDisk& disk = command.words.at(1) == "journal" ? directory.journal : directory.raft_log;
  disk.set_capacity(command.words.at(2) == "full" ? disk.bytes() : UINT64_MAX);
}

}  // namespace causeway::testing
