// How a call is to be carried out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace causeway {

/// What a write does when its budget ends while nobody can know whether it happened
/// (docs/semantics.md#in-doubt).
enum class InDoubt : std::uint8_t {
  wait,    ///< goes on waiting until it is decided
  report,  ///< answers in_doubt with an operation id; `outcome` tells later
};

struct ReadOptions {
  bool consistent = true;                   ///< false: this node's own newest, no network
  bool blocking = true;                     ///< false: answers timeout when `timeout` has passed
  std::chrono::milliseconds timeout{5000};  ///< 1 ms and more; ignored while blocking
};

struct WriteOptions {
  /// false: durable in this node's journal, no network (set and remove only)
  bool consistent = true;
  /// false: may answer timeout, which means: did not happen, and never will
  bool blocking = true;
  std::chrono::milliseconds timeout{5000};  ///< 1 ms and more; ignored while blocking
  InDoubt in_doubt = InDoubt::wait;         ///< for calls that do not block
};

}  // namespace causeway
