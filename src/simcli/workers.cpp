#include "simcli/workers.hpp"

#include <algorithm>
#include <utility>

#include <poll.h>

namespace causeway::simcli {

void Workers::start(const sim::Plan& plan) {
  while (!idle_.empty()) {
    std::unique_ptr<Worker> worker = std::move(idle_.back());
    idle_.pop_back();
    if (!worker->start(plan)) continue;  // it was killed meanwhile
    running_.push_back(std::move(worker));
    return;
  }
  running_.push_back(std::make_unique<Worker>(simulate_, limits_, on_line));
  // One that dies at once is noticed when it is read from.
  static_cast<void>(running_.back()->start(plan));
}

Outcome Workers::ended(std::size_t at) {
  std::unique_ptr<Worker> worker = std::move(running_[at]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(at));
  Outcome outcome = worker->outcome();
  if (worker->fit()) idle_.push_back(std::move(worker));
  return outcome;
}

std::optional<Outcome> Workers::next(std::chrono::milliseconds most) {
  const auto until = std::chrono::steady_clock::now() + most;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    auto wake = until;
    std::vector<pollfd> waited;
    for (const auto& worker : running_) {
      waited.push_back({.fd = worker->descriptor(), .events = POLLIN, .revents = 0});
      wake = std::min(wake, worker->deadline());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake - now).count();
    if (::poll(waited.data(), waited.size(), static_cast<int>(std::max<long>(left, 0))) < 0)
      return std::nullopt;
    for (std::size_t i = 0; i < waited.size(); ++i) {
      if (waited[i].revents != 0 && running_[i]->take()) return ended(i);
    }
    for (std::size_t i = 0; i < waited.size(); ++i) {
      if (std::chrono::steady_clock::now() < running_[i]->deadline()) continue;
      running_[i]->give_up();
      return ended(i);
    }
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
  }
}

std::optional<Outcome> Workers::run(const sim::Plan& plan, const std::function<bool()>& stopped) {
  start(plan);
  while (!stopped()) {
    if (auto outcome = next(std::chrono::milliseconds(200))) return outcome;
  }
  running_.clear();
  return std::nullopt;
}

}  // namespace causeway::simcli
