// What a run's process tells its parent, as bytes: lines of the trace, at last the report.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "simcli/worker.hpp"

namespace causeway::simcli {

enum class FrameKind : std::uint8_t { line, report };

[[nodiscard]] std::string encode_frame(FrameKind kind, std::string_view body);
/// False: there is no whole frame in `bytes` yet. Else it is taken from its front.
[[nodiscard]] bool take_frame(std::string_view& bytes, FrameKind& kind, std::string_view& body);

/// Report, tail and `took`.
[[nodiscard]] std::string encode(const Outcome& outcome);
/// False: it was cut short.
[[nodiscard]] bool decode(std::string_view body, Outcome& outcome);

}  // namespace causeway::simcli
