// Effects as one line, for traces and tests.
#include <string>
#include <string_view>

#include "reconcile/reconciler.hpp"

namespace causeway::reconcile {
namespace {

std::string text(Sequence sequence) { return std::to_string(sequence.value); }

std::string_view word(crdt::VerdictKind kind) {
  switch (kind) {
    case crdt::VerdictKind::won: return "won";
    case crdt::VerdictKind::superseded: return "superseded";
    case crdt::VerdictKind::rejected: return "rejected";
    case crdt::VerdictKind::replaced: return "replaced";
  }
  return "?";
}

std::string text(const Decided& decided) {
  std::string line = "decided through " + text(decided.settled.through) + " at " +
                     std::to_string(decided.index.value);
  for (const crdt::Verdict& verdict : decided.verdicts) {
    line += ' ' + text(verdict.sequence) + ':';
    line += word(verdict.kind);
  }
  return line;
}

std::string text(const List& list) {
  return "list from " + text(list.from) + " at most " + std::to_string(list.count_max);
}

std::string text(const Propose& propose) {
  std::string line =
      "propose #" + std::to_string(propose.id) + " behind " + text(propose.follows.through) + ':';
  for (const crdt::OfflineWrite& item : propose.items) line += ' ' + text(item.dot.sequence);
  return line + " learnt " + text(propose.learnt_through);
}

}  // namespace

std::string to_string(const Effects& effects) {
  std::string line;
  const auto add = [&line](const std::string& part) {
    if (!line.empty()) line += "; ";
    line += part;
  };
  for (const Decided& decided : effects.decided) add(text(decided));
  if (effects.proposed_through.value != 0) add("pin through " + text(effects.proposed_through));
  if (effects.ask) add("ask");
  if (effects.list) add(text(*effects.list));
  for (const Propose& propose : effects.proposals) add(text(propose));
  if (effects.take_new_origin) add("take a new origin");
  return line;
}

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::resting: return "resting";
    case Phase::asking: return "asking";
    case Phase::comparing: return "comparing";
    case Phase::settling: return "settling";
    case Phase::draining: return "draining";
    case Phase::moved: return "moved";
  }
  return "?";
}

}  // namespace causeway::reconcile
