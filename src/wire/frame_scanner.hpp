// Where does a MessagePack message end? MessagePack-RPC has no length in front: the bytes
// themselves say.
//
// The obvious way, trying to decode whatever has arrived each time something arrives, costs a slow
// client's server the square of the message's length, and a parser that believes announced lengths
// gives memory to whoever asks (five bytes can announce four thousand million elements). So this
// one walks over headers only, keeps its place between calls, and judges announcements against
// limits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <causeway/result.hpp>

namespace causeway::wire {

struct FrameLimits {
  std::size_t bytes_max = 4u << 20;             ///< of one message
  std::size_t elements_max = 1u << 17;          ///< values in it, nested ones included
  static constexpr std::size_t kDepthMax = 32;  ///< arrays and maps within each other
};

/// Finds the end of the first MessagePack object of a growing buffer, without building it.
///
/// One per connection. It remembers how far it has looked, so that a client that sends a byte at a
/// time costs what one costs that sends all at once. It says no as soon as what was announced
/// cannot fit, whatever has arrived by then.
class FrameScanner {
 public:
  enum class State : std::uint8_t { need_more, complete, failed };
  struct Scan {
    State state = State::need_more;
    std::size_t size = 0;  ///< complete: bytes of the frame; need_more: it has at least so many
    Error error;           ///< failed: too_large or invalid; the connection is of no use any more
  };

  explicit FrameScanner(FrameLimits limits = {}) : limits_(limits) {}

  /// `buffer` starts with the frame's first byte and has only grown since the last call.
  [[nodiscard]] Scan scan(std::string_view buffer);
  /// Behind a complete frame: the next buffer starts with the next frame's first byte.
  void reset();

  /// Headers looked at since the last reset, for tests of the bound on work.
  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  FrameLimits limits_;
  std::size_t position_ = 0;     // of the next header; beyond the buffer: inside a long string
  std::size_t elements_ = 0;     // seen or announced
  std::size_t outstanding_ = 1;  // announced and not yet seen
  std::size_t depth_ = 0;
  std::size_t steps_ = 0;
  std::array<std::uint64_t, FrameLimits::kDepthMax> left_{};  // of each open array or map
};

}  // namespace causeway::wire
