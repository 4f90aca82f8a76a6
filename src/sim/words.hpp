// Calls, answers and commands in words, for the trace.
//
// They append: the trace reuses its strings, so that a call costs no allocation.
#pragma once

#include <string>
#include <string_view>

#include "crdt/version.hpp"
#include "sim/trace_event.hpp"
#include "wire/rpc.hpp"

namespace causeway::sim {

/// The value, or its size where it is long.
void append_value(std::string& out, std::string_view value);
/// "set k3=17, offline, 500ms"
void append_call(std::string& out, const wire::Call& call);
/// "done, revision 20", "timeout, budget", "refused: journal_full, ..."
void append_reply(std::string& out, const wire::Reply& reply, const OriginNames& names);

/// `3:17`; an origin without a name is written in hex.
[[nodiscard]] std::string dot_text(Dot dot, const OriginNames& names);
/// `3:17 door=open`
[[nodiscard]] std::string write_text(const crdt::OfflineWrite& write, const OriginNames& names);
/// What an entry's payload asks for.
[[nodiscard]] std::string command_text(const Blob& payload, const OriginNames& names);

}  // namespace causeway::sim
