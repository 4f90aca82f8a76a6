#include "node/questions.hpp"

#include <utility>

#include "node/core.hpp"

namespace causeway::node {

void Questions::ask(Turn& turn, std::uint64_t id, kv::Input question) {
  if (under_way_ < turn.core.options.limits.questions_max) {
    ++under_way_;
    turn.out.applier.push_back(std::move(question));
  } else {
    waiting_.emplace(number_of(id), std::move(question));
  }
}

void Questions::withdraw(std::uint64_t id) { waiting_.erase(number_of(id)); }

void Questions::answered(Turn& turn) {
  if (waiting_.empty()) {
    --under_way_;
  } else {
    turn.out.applier.push_back(std::move(waiting_.extract(waiting_.begin()).mapped()));
  }
}

}  // namespace causeway::node
