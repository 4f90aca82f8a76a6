#include <utility>

#include "base/check.hpp"
#include "reconcile/reconciler.hpp"

namespace causeway::reconcile {

std::vector<crdt::OfflineWrite> rebase(std::vector<crdt::OfflineWrite> records, Origin new_origin,
                                       std::uint64_t chain_start) {
  std::uint64_t chain = chain_start;
  Sequence before;
  for (crdt::OfflineWrite& record : records) {
    CAUSEWAY_CHECK(record.dot.sequence > before);
    CAUSEWAY_CHECK(record.dot.origin != new_origin);
    before = record.dot.sequence;
    chain = crdt::chain_after(chain, record);
    record.old_dot = record.dot;
    record.old_chain = chain;
    record.dot.origin = new_origin;
    // What it replaced stays behind with the old journal.
    record.replaces = {};
  }
  return records;
}

}  // namespace causeway::reconcile
