#include "interaction/ledger.hpp"

#include <doctest/doctest.h>

#include "consensus/configuration.hpp"

namespace causeway::testing {
namespace {

std::string bound_names(const Blob& payload) {
  const auto configuration = consensus::Configuration::decode(payload.view());
  REQUIRE(configuration);
  std::size_t bound = 0;
  for (const auto& member : configuration.value().members) bound += member.origin.value != 0;
  return "configuration, " + std::to_string(bound) + " of " +
         std::to_string(configuration.value().members.size()) + " names bound";
}

}  // namespace

kv::Applied Ledger::applied_at(Shadow& shadow, const kv::LogEntry& entry) {
  std::vector<kv::Output> outputs;
  std::vector<kv::Input> inputs;
  inputs.emplace_back(kv::Apply{{entry}});
  shadow.applier->step(std::move(inputs), outputs);
  REQUIRE(outputs.size() == 1);
  auto* applied = std::get_if<kv::Applied>(&outputs.front());
  REQUIRE(applied != nullptr);
  return std::move(*applied);
}

Ledger::Shadow& Ledger::shadow_of(Origin origin) {
  Shadow& shadow = shadows_[origin];
  if (shadow.applier) return shadow;
  auto applier = kv::Applier::open(shadow.table, origin);
  REQUIRE(applier);
  shadow.applier = std::move(applier).value();
  for (const kv::LogEntry& entry : entries_) static_cast<void>(applied_at(shadow, entry));
  return shadow;
}

std::string Ledger::apply(const kv::LogEntry& entry) {
  const std::string number = std::to_string(entry.index.value) + ": ";
  const auto decoded = entry.command ? kv::decode(entry.payload) : Result<kv::Command>(kv::Start{});
  REQUIRE(decoded);
  const Origin origin = std::visit(
      [](const auto& command) {
        if constexpr (requires { command.call; }) {
          return command.call.origin;
        } else {
          return command.origin;
        }
      },
      decoded.value());
  if (origin.value != 0) static_cast<void>(shadow_of(origin));
  kv::Applied applied;
  for (auto& [of, shadow] : shadows_) {
    kv::Applied news = applied_at(shadow, entry);
    if (of == origin) applied = std::move(news);
  }
  entries_.push_back(entry);
  if (!entry.command) return number + bound_names(entry.payload);
  if (const auto* write = std::get_if<kv::Write>(&decoded.value()))
    return number + words_.command(entry.payload) + told(*write, applied.writes.at(0));
  if (const auto* settle = std::get_if<kv::Settle>(&decoded.value()))
    return number + told(*settle, applied.settles.at(0));
  return number + words_.command(entry.payload) +
         (applied.starts.at(0).accepted ? "" : ", refused: a later start is known");
}

std::string Ledger::told(const kv::Write&, const kv::WriteResult& result) const {
  using Status = kv::WriteResult::Status;
  const bool again = result.status == Status::done && result.version.revision != result.index;
  switch (result.status) {
    case Status::done: return again ? ", again: no effect" : "";
    case Status::absent: return ", was absent";
    case Status::mismatch:
      return result.current ? ", no: it is " + value_text(*result.current) : ", no: it is absent";
    case Status::overtaken: return ", no effect: overtaken by a later offline write";
    case Status::stale: return ", no effect: of an earlier start, or answered already";
    case Status::exhausted: return ", no effect: too many results are open";
  }
  return {};
}

std::string Ledger::told(const kv::Settle& settle, const kv::SettleResult& result) const {
  if (!result.applied) {
    return "offline writes behind " + words_.dot({settle.origin, settle.follows}) +
           " are void: settled through " + words_.dot({settle.origin, result.settled_through});
  }
  std::string text;
  for (const crdt::OfflineWrite& item : settle.items) {
    text += (text.empty() ? "" : ", ") + words_.write(item);
    for (const crdt::Verdict& verdict : result.verdicts) {
      if (verdict.sequence != item.dot.sequence) continue;
      switch (verdict.kind) {
        case crdt::VerdictKind::won: text += " won"; break;
        case crdt::VerdictKind::superseded:
          text += " superseded by revision " + std::to_string(verdict.winner.revision.value);
          break;
        case crdt::VerdictKind::rejected:
          text += " rejected: " + words_.plain(verdict.reason);
          break;
        case crdt::VerdictKind::replaced:
          text += " replaced by " + words_.dot(verdict.replaced_by);
          break;
      }
    }
  }
  return text;
}

}  // namespace causeway::testing
