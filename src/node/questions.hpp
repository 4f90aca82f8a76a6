// What callers make the node ask of its applier, a bounded number at once.
//
// The applier answers in order, and a question cannot be taken back from its queue. Callers that
// ask for large values, and are gone before the answer, would fill that queue faster than the table
// can be read: whoever asked behind them would wait for what nobody hears, without a bound. So few
// are under way, and the others wait here, where they go as soon as their caller goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "kv/applier.hpp"

namespace causeway::node {

struct Turn;

class Questions {
 public:
  /// Asked at once, or when Limits::questions_max leaves room: in the order of the numbers in their
  /// ids.
  /// id   made with `tagged` from a fresh number, and in the question
  void ask(Turn& turn, std::uint64_t id, kv::Input question);
  /// Nobody waits for it any more. No effect on what is under way: its answer comes.
  void withdraw(std::uint64_t id);
  /// One that was under way has its answer.
  void answered(Turn& turn);

 private:
  std::map<std::uint64_t, kv::Input> waiting_;
  std::size_t under_way_ = 0;
};

}  // namespace causeway::node
