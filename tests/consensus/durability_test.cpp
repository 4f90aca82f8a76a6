#include "consensus/durability.hpp"

#include <doctest/doctest.h>

namespace causeway::consensus {

TEST_CASE("what a ticket holds counts once the ticket is confirmed") {
  Durability disk({3});
  CHECK(disk.durable_index() == LogIndex{3});
  CHECK(disk.open({}) == 1);
  disk.entries_written({5});
  CHECK(disk.open({}) == 2);
  disk.entries_written({9});
  CHECK(disk.durable_index() == LogIndex{3});
  CHECK(disk.confirmed(1));
  CHECK(disk.durable_index() == LogIndex{5});
  CHECK(disk.confirmed(2));
  CHECK(disk.durable_index() == LogIndex{9});
}

TEST_CASE("a confirmed ticket counts only as far as the log still is what was written") {
  Durability disk({3});
  CHECK(disk.open({}) == 1);
  disk.entries_written({10});
  disk.truncated({7});
  CHECK(disk.open({}) == 2);
  disk.entries_written({8});
  CHECK(disk.confirmed(1));
  CHECK(disk.durable_index() == LogIndex{7});
  CHECK(disk.confirmed(2));
  CHECK(disk.durable_index() == LogIndex{8});
}

TEST_CASE("a truncation takes back what was durable") {
  Durability disk({10});
  disk.truncated({4});
  CHECK(disk.durable_index() == LogIndex{4});
  CHECK(disk.open({}) == 1);
  disk.entries_written({12});
  disk.truncated({6});
  disk.entries_written({7});
  CHECK(disk.confirmed(1));
  CHECK(disk.durable_index() == LogIndex{7});
}

TEST_CASE("the hard state is durable with its ticket, not with an earlier one") {
  Durability disk({});
  CHECK(disk.hard_state_durable());
  CHECK(disk.open({}) == 1);
  CHECK(disk.open({}) == 2);
  disk.hard_state_written();
  CHECK(disk.confirmed(1));
  CHECK_FALSE(disk.hard_state_durable());
  CHECK(disk.confirmed(2));
  CHECK(disk.hard_state_durable());
}

TEST_CASE("a hard state may be durable before entries of earlier tickets and of its own") {
  Durability disk({3});
  CHECK(disk.open({Duration(5)}) == 1);
  disk.entries_written({5});
  CHECK(disk.open({Duration(9)}) == 2);
  disk.hard_state_written();
  disk.entries_written({6});
  CHECK(disk.open({Duration(9)}) == 3);
  disk.entries_written({7});
  CHECK(disk.hard_state_ticket() == 2);
  CHECK(disk.hard_state_confirmed(2));
  CHECK(disk.hard_state_durable());
  CHECK(disk.durable_index() == LogIndex{3});
  CHECK(disk.waiting_since() == Instant{Duration(5)});  // the entries are not there yet
  CHECK(disk.confirmed(1));
  CHECK(disk.hard_state_durable());
  CHECK(disk.durable_index() == LogIndex{5});
}

TEST_CASE("the oldest unconfirmed write tells since when the disk is silent") {
  Durability disk({});
  CHECK_FALSE(disk.waiting_since().has_value());
  CHECK(disk.open({Duration(5)}) == 1);
  CHECK(disk.open({Duration(9)}) == 2);
  CHECK(disk.waiting_since() == Instant{Duration(5)});
  CHECK(disk.confirmed(1));
  CHECK(disk.waiting_since() == Instant{Duration(9)});
  CHECK(disk.confirmed(2));
  CHECK_FALSE(disk.waiting_since().has_value());
}

TEST_CASE("a ticket that was never given out is known as one") {
  Durability disk({});
  CHECK_FALSE(disk.confirmed(1));
  CHECK_FALSE(disk.hard_state_confirmed(1));
}

}  // namespace causeway::consensus
