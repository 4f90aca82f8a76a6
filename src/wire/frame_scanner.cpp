#include "wire/frame_scanner.hpp"

#include <algorithm>

#include "wire/msgpack_head.hpp"

namespace causeway::wire {
namespace {

FrameScanner::Scan failed(Errc code, std::string detail) {
  return {.state = FrameScanner::State::failed, .error = {code, std::move(detail)}};
}

}  // namespace

FrameScanner::Scan FrameScanner::scan(std::string_view buffer) {
  while (outstanding_ != 0) {
    // Each value that was announced takes a byte at least.
    const Scan more{.size = position_ + outstanding_};
    if (position_ >= buffer.size()) return more;
    ++steps_;
    MsgpackHead head;
    switch (parse_head(buffer.substr(position_), head)) {
      case HeadState::good: break;
      case HeadState::incomplete: return {.size = std::max(more.size, buffer.size() + 1)};
      case HeadState::invalid:
        return failed(Errc::invalid, "byte " + std::to_string(position_) +
                                         " of the message is no MessagePack; is the port right?");
    }
    // Nothing of this object changes before all limits are kept: asked again, it says no again.
    const std::size_t position = position_ + head.bytes + head.body;
    const std::size_t outstanding = outstanding_ - 1 + head.children;
    if (position + outstanding > limits_.bytes_max) {
      return failed(Errc::too_large, "the message is over " + std::to_string(limits_.bytes_max) +
                                         " bytes; send less in one call");
    }
    if (elements_ + 1 + outstanding > limits_.elements_max) {
      return failed(Errc::too_large, "the message holds over " +
                                         std::to_string(limits_.elements_max) +
                                         " values; send less in one call");
    }
    if (head.children != 0 && depth_ == FrameLimits::kDepthMax) {
      return failed(Errc::invalid, "arrays and maps of the message nest deeper than " +
                                       std::to_string(FrameLimits::kDepthMax));
    }
    position_ = position;
    outstanding_ = outstanding;
    ++elements_;
    if (depth_ != 0) --left_[depth_ - 1];
    if (head.children != 0) left_[depth_++] = head.children;
    while (depth_ != 0 && left_[depth_ - 1] == 0) --depth_;
  }
  if (position_ > buffer.size()) return {.size = position_};
  return {.state = State::complete, .size = position_};
}

void FrameScanner::reset() {
  position_ = 0;
  elements_ = 0;
  outstanding_ = 1;
  depth_ = 0;
  steps_ = 0;
}

}  // namespace causeway::wire
