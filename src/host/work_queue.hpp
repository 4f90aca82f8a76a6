// What one thread has for another, handed over in one piece.
//
// Waking a thread costs 25 to 30 us, many times what a single piece of work does. So the receiver
// takes all that is there at once, and the giver wakes it only when it sleeps: a busy receiver is
// never signalled and finds everything when it comes back. The queue itself has no limit. What goes
// in is bounded by whoever decides that it is made (node::Limits: calls in flight, bytes of writes,
// bytes given to the applier; consensus: uncommitted bytes), and it must not be refused here: an
// effect is an order. What reads bring back is bounded by ApplyThread.
#pragma once

#include <condition_variable>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace causeway::host {

/// Moves all of `from` to the end of `to`; `from` is empty afterwards. Usually `to` is, and then
/// only buffers change hands.
template <class T>
void hand_over(std::vector<T>& from, std::vector<T>& to) {
  if (to.empty()) {
    to.swap(from);
    return;
  }
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

/// `Work` is a plain struct of vectors and optionals with `bool empty() const`. Any thread gives,
/// one thread takes.
template <class Work>
class WorkQueue {
 public:
  /// `add(Work&)` puts in what there is; it must be quick.
  template <class Add>
  void give(Add&& add) {
    bool asleep = false;
    {
      const std::lock_guard lock(mutex_);
      std::forward<Add>(add)(work_);
      asleep = std::exchange(asleep_, false);
    }
    if (asleep) wake_.notify_one();
  }

  /// Waits for work and swaps it into `out`, which is empty before. False: closed, and nothing is
  /// left.
  bool take(Work& out) {
    std::unique_lock lock(mutex_);
    while (work_.empty()) {
      if (closed_) return false;
      asleep_ = true;
      wake_.wait(lock);
    }
    std::swap(work_, out);
    return true;
  }

  /// No more work comes; what is there is still taken.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  Work work_;
  bool asleep_ = false;
  bool closed_ = false;
};

}  // namespace causeway::host
