// Log lines about strangers' mistakes, as many as are useful.
//
// Whoever can open connections can make mistakes ten thousand times a second. Each line names the
// one mistake; beyond a few in ten seconds they are only counted, and the next line says how many.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "net/channel.hpp"
#include "net/log.hpp"

namespace causeway::net {

class Complaints {
 public:
  static constexpr std::size_t kLinesMax = 20;
  static constexpr std::chrono::seconds kWindow{10};

  /// Calls `log.on_log` unless too many went before.
  template <class Log>
  void say(std::string text, Log& log) {
    const Clock::time_point now = Clock::now();
    if (now - window_start_ >= kWindow) {
      if (unsaid_ != 0) text += " (and " + std::to_string(unsaid_) + " lines like it before)";
      window_start_ = now;
      lines_ = unsaid_ = 0;
    }
    if (lines_ == kLinesMax) {
      ++unsaid_;
      return;
    }
    ++lines_;
    log.on_log(LogLevel::info, std::move(text));
  }

 private:
  Clock::time_point window_start_{};
  std::size_t lines_ = 0;
  std::size_t unsaid_ = 0;
};

}  // namespace causeway::net
