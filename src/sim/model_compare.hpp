// What a node says of an entry, or of an offline write, against what the model says.
//
// Each answers why the two differ, in words; empty: they do not.
#pragma once

#include <string>

#include "sim/model_state.hpp"
#include "wire/rpc.hpp"

namespace causeway::sim {

[[nodiscard]] std::string differ(const ModelOutcome& outcome, const kv::WriteResult& got);
[[nodiscard]] std::string differ(const ModelOutcome& outcome, const kv::StartResult& got);
[[nodiscard]] std::string differ(const ModelOutcome& outcome, const kv::SettleResult& got);
[[nodiscard]] std::string differ(const crdt::Verdict& want, const crdt::Verdict& got);

/// A row of the superseded list. The bytes of either value may have been dropped, if that is said.
[[nodiscard]] std::string differ(const ModelLoser& loser, const kv::Conflict& got);

/// What must become of an acknowledged offline write.
struct OfflineFate {
  const ModelSettled* settled = nullptr;
  Dot under;             ///< settled: the dot
  Sequence replaced_by;  ///< not 0: replaced
};

/// `reply` to an await of that write. `may_forget`: its node need not know it any more.
[[nodiscard]] std::string differ(const OfflineFate& fate, bool may_forget,
                                 const wire::Reply& reply);

}  // namespace causeway::sim
