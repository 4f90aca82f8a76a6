// The loop thread from its beginning to the node's end, and what other threads may ask of it.
//
// One life of the node follows another only when it took a new origin (a restored image, design
// 3.2): then everything but the directory's lock and the port's number begins again from recovery.
// Whatever ends the node (stop, a failed disk), this thread closes everything before `wait`
// returns: callbacks are told, files flushed, port and lock free.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "host/data_directory.hpp"
#include "host/driver.hpp"
#include "host/local_call.hpp"
#include "host/log.hpp"
#include "host/loop_inbox.hpp"
#include "net/address.hpp"
#include <causeway/node.hpp>
#include <causeway/result.hpp>

namespace causeway::host {

class NodeThread {
 public:
  /// directory  locked
  /// identity   written to the directory by `start` where it is news
  /// listen     the identity's, as read
  NodeThread(NodeOptions options, DataDirectory directory, wire::Identity identity,
             net::Address listen);
  ~NodeThread() { stop(); }
  NodeThread(const NodeThread&) = delete;
  NodeThread& operator=(const NodeThread&) = delete;

  /// Takes the port, recovers, listens, waits until local calls are served. After an error nothing
  /// is left running; when the port cannot be had, the directory remembers nothing of this start.
  Result<void> start();
  /// Any thread. Asks the loop to end well and waits for it; from a callback it only asks.
  void stop();
  /// Any thread: waits for the end, however it comes.
  Result<void> wait();
  /// Any thread. After the end `call.done` hears of it at once.
  void call(LocalCall call);

  /// Where it listens. After `start`.
  [[nodiscard]] net::Address address() const { return listen_; }

 private:
  void run();
  Result<Driver::End> live();
  void clear_inbox(bool again);
  void announce_ready();
  void announce_end(std::optional<Error> error);

  const NodeOptions options_;
  Log log_;
  net::Address listen_;            // with the port that was picked, once it is taken
  const wire::Identity identity_;  // to be remembered
  std::optional<DataDirectory> directory_;

  boost::asio::io_context io_{1};
  std::optional<net::Listener> listener_;  // taken, for the life that begins
  Driver* driver_ = nullptr;               // of the present life
  LoopInbox inbox_{io_, [this] {
                     if (driver_ != nullptr) driver_->take_mail();
                   }};
  bool stop_asked_ = false;  // between two lives

  // Between threads.
  std::mutex mutex_;
  std::condition_variable changed_;
  enum class Phase { starting, ready, ended } phase_ = Phase::starting;
  std::optional<Error> error_;  // why it ended by itself
  std::thread thread_;
  std::thread::id loop_id_;  // of the thread that runs callbacks
};

}  // namespace causeway::host
