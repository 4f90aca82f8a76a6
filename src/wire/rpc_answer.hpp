// What stands in the result of an answer, by the kind of call (a part of decode_reply).
#pragma once

#include "wire/msgpack_reader.hpp"
#include "wire/rpc.hpp"

namespace causeway::wire {

/// Reads one result. Where it is no answer to such a call, `in` fails.
[[nodiscard]] Answer read_answer(CallKind kind, MsgpackReader& in);

}  // namespace causeway::wire
