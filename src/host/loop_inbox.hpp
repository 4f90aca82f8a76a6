// What other threads have for the loop thread: reports of the log and apply threads, calls of the
// app.
//
// Like WorkQueue, but the receiver sleeps in Asio: the first piece posts one handler, and
// everything that comes before it runs travels with it. So a loop that is busy is woken once for a
// whole pile, whoever it comes from.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "host/local_call.hpp"
#include "kv/applier.hpp"
#include "storage/log_writer.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

/// In the order in which the loop takes them up.
struct LoopMail {
  std::vector<storage::LogEffect> raft_log;
  std::vector<storage::LogEffect> journal;
  std::vector<kv::Output> applier;
  std::size_t applier_bytes = 0;  ///< of values and keys in it: owed to ApplyThread::taken
  std::vector<LocalCall> calls;
  bool identity_written = false;
  bool stop_asked = false;
  std::vector<Error> failures;  ///< of threads that could not do what they were told

  void clear() {
    raft_log.clear();
    journal.clear();
    applier.clear();
    applier_bytes = 0;
    calls.clear();
    identity_written = stop_asked = false;
    failures.clear();
  }
};

class LoopInbox {
 public:
  /// `arrived` runs on the io_context's thread and calls `take`.
  LoopInbox(boost::asio::io_context& io, std::function<void()> arrived)
      : io_(io), arrived_(std::move(arrived)) {}

  /// `add(LoopMail&)` puts in what there is. False: closed, and nothing was put in.
  template <class Add>
  bool give(Add&& add) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      std::forward<Add>(add)(mail_);
      first = !std::exchange(posted_, true);
    }
    // A plain function object of one pointer: Asio keeps it without more than its own small block.
    if (first) boost::asio::post(io_, [this] { arrived_(); });
    return true;
  }

  /// Swaps what is there into `out`, which is empty before.
  void take(LoopMail& out) {
    const std::lock_guard lock(mutex_);
    posted_ = false;
    std::swap(mail_, out);
  }

  /// Nothing more is taken in; what is there can still be taken out.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  boost::asio::io_context& io_;
  std::function<void()> arrived_;
  std::mutex mutex_;
  LoopMail mail_;
  bool posted_ = false;
  bool closed_ = false;
};

}  // namespace causeway::host
