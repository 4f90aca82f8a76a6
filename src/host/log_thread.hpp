// The log thread: makes both logs durable, as fast as the disk lets it.
//
// Whatever has piled up while the disk was busy goes in one write and one sync for each log. The
// Raft log comes first, and is reported before the journal's sync begins: other nodes wait for it.
#pragma once

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "host/data_directory.hpp"
#include "host/loop_inbox.hpp"
#include "host/work_queue.hpp"
#include "storage/log_writer.hpp"

namespace causeway::host {

struct LogWork {
  std::vector<storage::LogInput> raft_log;
  std::vector<storage::LogInput> journal;
  std::optional<Origin>
      new_origin;  ///< write an identity with this origin, once in a directory's life if ever

  [[nodiscard]] bool empty() const { return raft_log.empty() && journal.empty() && !new_origin; }
};

/// Owned by the driver. The inbox and the directory outlive it.
class LogThread {
 public:
  LogThread(storage::LogWriter raft_log, storage::LogWriter journal, DataDirectory& directory,
            LoopInbox& loop)
      : raft_log_(std::move(raft_log)),
        journal_(std::move(journal)),
        directory_(directory),
        loop_(loop) {}
  ~LogThread() { stop(); }

  void start();
  WorkQueue<LogWork>& queue() { return queue_; }
  /// Does what is queued, then ends.
  void stop();

 private:
  void run();
  void write_identity(Origin origin);

  storage::LogWriter raft_log_;
  storage::LogWriter journal_;
  DataDirectory& directory_;
  LoopInbox& loop_;
  WorkQueue<LogWork> queue_;
  std::thread thread_;
};

}  // namespace causeway::host
