// What single answers promise each other, judged when all is over (design section 2).
//
// Linearizability is judged elsewhere; here are the promises about what one node says: program
// order at a node, own writes, the order of settling, stamps. Each rule looks at two answers of one
// node about one key, the first of which came before the second was asked for.
//
//   own-writes      a local get shows the node's newest offline write, or what came after it in the
//                   log; the revision behind a node's answers never falls, but where power was lost
//   program-order   a consistent operation is decided after the offline writes in front of it, and
//                   does not undo one that comes behind
//   origin-order    the writes of one origin that win do so in their order
//   one-stamp       a revision of a key is always shown with the same stamp
//   stamps-rise     along the revisions of a key
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <causeway/store.hpp>

namespace causeway::sim {

struct Observed {
  enum class Kind : std::uint8_t { local_get, consistent, offline_write };
  Kind kind = Kind::consistent;
  bool writes = false;  ///< set, delete, or swap that took place
  std::string node;
  std::string key;
  std::uint64_t called = 0;
  std::uint64_t answered = 0;
  Response response;  ///< not a timeout
};

class Promises {
 public:
  using Fates = std::map<std::string, AwaitResult>;  ///< by token

  void observe(Observed observed) { observed_.push_back(std::move(observed)); }
  /// A new directory stands under the node's name: it promised nothing.
  void forget(const std::string& node) {
    std::erase_if(observed_, [&](const Observed& each) { return each.node == node; });
  }
  /// What was applied and not synced may be gone: revisions may fall once.
  void power_lost(const std::string& node, std::uint64_t at) { power_losses_[node].push_back(at); }
  /// Throws Violation where a rule is broken.
  void judge(const Fates& fates) const;

 private:
  struct Judged {
    const Observed* observed = nullptr;
    const AwaitResult* fate = nullptr;  ///< of an offline write, as far as known
  };
  /// The strongest that the answers so far demand of the next one, at one place.
  struct Demands {
    Sequence pending;           ///< a pending write that is shown is not older
    std::uint64_t settled = 0;  ///< a revision that is shown is not below either
    std::uint64_t shown = 0;
    std::uint64_t written = 0;  ///< an offline write does not lose to it

    void add(const Judged& before);
    /// False: the demand of some answer may be broken.
    [[nodiscard]] bool kept_by(const Judged& after) const;
  };

  void judge_place(std::vector<Judged>& all) const;
  void judge_pair(const Judged& first, const Judged& second) const;
  void judge_order(const Fates& fates) const;
  void judge_stamps() const;
  [[nodiscard]] bool power_lost_between(const Observed& before, const Observed& after) const;

  std::vector<Observed> observed_;
  std::map<std::string, std::vector<std::uint64_t>> power_losses_;
};

}  // namespace causeway::sim
