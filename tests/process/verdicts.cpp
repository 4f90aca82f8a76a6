#include "verdicts.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <doctest/doctest.h>

namespace causeway::test {

using State = AwaitResult::State;

std::string text_of(State state) {
  switch (state) {
    case State::pending: return "pending";
    case State::won: return "won";
    case State::superseded: return "superseded";
    case State::rejected: return "rejected";
    case State::replaced: return "replaced";
    case State::forgotten: return "forgotten";
  }
  return "?";
}

std::vector<Settled> settle_all(const Cluster& cluster, std::span<const OfflineRecord> records) {
  std::map<std::size_t, std::unique_ptr<Client>> clients;
  std::vector<Settled> result;
  for (const OfflineRecord& record : records) {
    if (!record.acknowledged) continue;
    auto& client = clients[record.server];
    if (!client) client = cluster.client(record.server + 1);
    const auto verdict = client->await(record.token, kGuard);
    CAPTURE(record.token);
    REQUIRE_MESSAGE(verdict.has_value(), verdict.error().detail);
    if (record.verdict.state != State::pending) CHECK(record.verdict == verdict.value());
    result.push_back({record, verdict.value()});
  }
  return result;
}

void check_order(const std::vector<Settled>& settled) {
  std::map<std::uint64_t, std::vector<std::pair<std::uint64_t, std::uint64_t>>> won;
  for (const Settled& write : settled) {
    if (write.verdict.state != State::won) continue;
    won[write.record.version.origin.value].emplace_back(write.record.version.sequence.value,
                                                        write.verdict.winner->revision.value);
  }
  for (auto& [origin, writes] : won) {
    std::sort(writes.begin(), writes.end());
    for (std::size_t i = 1; i < writes.size(); ++i) {
      CAPTURE(origin);
      CHECK(writes[i - 1].first < writes[i].first);     // no dot was given out twice
      CHECK(writes[i - 1].second <= writes[i].second);  // one entry carries many
    }
  }
}

void check_replaced(const std::vector<Settled>& settled) {
  std::map<std::string, const Settled*> by_token;
  for (const Settled& write : settled) by_token[write.record.token] = &write;
  for (const Settled& write : settled) {
    if (write.verdict.state != State::replaced) continue;
    CAPTURE(write.record.token);
    const auto next = by_token.find(write.verdict.replaced_by);
    if (next == by_token.end()) continue;  // an unacknowledged one took its place
    CHECK(next->second->record.key == write.record.key);
    CHECK(next->second->record.version.origin == write.record.version.origin);
    CHECK(next->second->record.version.sequence > write.record.version.sequence);
  }
}

}  // namespace causeway::test
