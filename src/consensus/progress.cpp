#include "consensus/progress.hpp"

#include <algorithm>

namespace causeway::consensus {

void Progress::probe_from(LogIndex index) {
  mode = Mode::probe;
  if (index != next) before_next.reset();
  next = index;
  probe_round = 0;
  probe_end.reset();
  probe_due = true;
  fetching.reset();
  inflight_.clear();
  inflight_bytes_ = 0;
}

void Progress::stream_behind(const LogPosition& end) {
  mode = Mode::stream;
  next = end.index.next();
  before_next = end;
  probe_due = false;
  fetching.reset();
}

void Progress::sent(const LogPosition& last, std::size_t bytes) {
  next = last.index.next();
  before_next = last;
  inflight_.push_back({last.index, bytes});
  inflight_bytes_ += bytes;
}

void Progress::acknowledged(Origin by, Origin bound, LogIndex index) {
  match = std::max(match, index);
  while (!inflight_.empty() && inflight_.front().last <= match) {
    inflight_bytes_ -= inflight_.front().bytes;
    inflight_.pop_front();
  }
  if (acked_by == by) {
    acked = std::max(acked, index);
  } else if (acked_by != bound || acked_by == Origin{}) {
    acked_by = by;
    acked = index;
  }
}

}  // namespace causeway::consensus
