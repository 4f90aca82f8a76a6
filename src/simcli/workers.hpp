// Several runs at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simcli/worker.hpp"

namespace causeway::simcli {

/// Destroying it kills those that still run.
class Workers {
 public:
  explicit Workers(Simulate simulate, const Limits& limits = {})
      : simulate_(std::move(simulate)), limits_(limits) {}

  /// Before the first start: gets each line of the runs.
  std::function<void(const std::string&)> on_line;

  void start(const sim::Plan& plan);
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  /// The next run that ends. Empty: none did within `most`, or a signal came.
  [[nodiscard]] std::optional<Outcome> next(std::chrono::milliseconds most);

  /// Runs one to its end. Empty: `stopped` said so.
  [[nodiscard]] std::optional<Outcome> run(const sim::Plan& plan,
                                           const std::function<bool()>& stopped);

 private:
  [[nodiscard]] Outcome ended(std::size_t at);

  Simulate simulate_;
  Limits limits_;
  std::vector<std::unique_ptr<Worker>> running_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

}  // namespace causeway::simcli
