// Which records of a log are durable, seen from outside of its writer.
//
// Header only. A record counts from the `Durable` that covers its append; what a full disk refused
// never does, until it is given again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/log_writer.hpp"
#include "wire/log_record.hpp"

namespace causeway::sim {

/// The record as it will stand in the log.
[[nodiscard]] inline Blob bytes_of(const storage::LogRecord& record) {
  if (record.head_bytes == 0) return record.body;
  return Blob::copy_of(std::string(record.head_view()).append(record.body.view()));
}

class LogWatch {
 public:
  /// Only records of these types are of interest.
  explicit LogWatch(std::vector<wire::RecordType> types) : types_(std::move(types)) {}

  void step(const std::vector<storage::LogInput>& inputs) {
    for (const storage::LogInput& input : inputs) {
      const auto* append = std::get_if<storage::Append>(&input);
      if (append == nullptr) continue;
      std::vector<storage::LogRecord> kept;
      for (const storage::LogRecord& record : append->records) {
        if (wanted(record.type)) kept.push_back(record);
      }
      if (!kept.empty()) waiting_.insert_or_assign(append->ticket, std::move(kept));
    }
  }

  /// What is durable from now on, in the order of the log.
  [[nodiscard]] std::vector<storage::LogRecord> done(const storage::LogEffects& effects) {
    for (const storage::LogEffect& effect : effects) {
      const auto* refused = std::get_if<storage::Refused>(&effect);
      if (refused == nullptr) continue;
      for (const storage::Append& append : refused->appends) waiting_.erase(append.ticket);
    }
    std::vector<storage::LogRecord> durable;
    for (const storage::LogEffect& effect : effects) {
      const auto* through = std::get_if<storage::Durable>(&effect);
      while (through != nullptr && !waiting_.empty() &&
             waiting_.begin()->first <= through->ticket) {
        for (auto& record : waiting_.begin()->second) durable.push_back(std::move(record));
        waiting_.erase(waiting_.begin());
      }
    }
    return durable;
  }

  /// The process is gone, and tickets begin anew.
  void clear() { waiting_.clear(); }

 private:
  [[nodiscard]] bool wanted(std::uint8_t type) const {
    for (const wire::RecordType each : types_) {
      if (static_cast<std::uint8_t>(each) == type) return true;
    }
    return false;
  }

  std::vector<wire::RecordType> types_;
  std::map<std::uint64_t, std::vector<storage::LogRecord>> waiting_;  // by ticket
};

}  // namespace causeway::sim
