// A journal with an owner, a disk that crashes, and an obvious twin, for tests.
//
// The owner does what the node's loop does: one write of a key at a time, the index told of a write
// when its record is durable, settling in order, freeing on a synced mark, rewriting page by page
// with anything in between. The disk is a row of records in files, durable up to some place. The
// twin keeps every event there ever was and derives from it, with maps and without cleverness, what
// must be live if the disk ended at a given place.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "crdt/journal.hpp"

namespace causeway::crdt::test {

constexpr Origin kOrigin{77};

/// Where a record stands, counted from the first that was ever written.
using Place = std::size_t;

class JournalWorld {
 public:
  explicit JournalWorld(Journal::Options options = {.origin = kOrigin}) : options_(options) {
    restart(0);
  }

  // ---- what an owner does

  /// False: the key has a write on its way to the disk, or the journal is full.
  bool set(const std::string& key, const std::string& value) {
    if (writing_.contains(key)) return false;
    std::optional<PendingWrite> held;
    if (journal_->may_be_pending(key)) held = newest(key);
    const Draft draft{.key = key, .value = Blob::copy_of(value)};
    const auto write =
        journal_->accept(draft, {++stamp_}, {{settled_entries_}, {}}, Now{}, 1, held);
    if (!write) return false;
    writing_.insert(key);
    events_.push_back({end(), write.value(), {}});
    append(write.value());
    return true;
  }

  /// Makes `count` more records durable.
  void sync(std::size_t count) {
    for (; count > 0 && durable_ < end(); --count, ++durable_) {
      const Record record = log_[durable_ - base_];
      if (const auto* settled = std::get_if<Settled>(&record.what)) {
        if (!record.again) free(settled->through);
      } else if (!record.again) {
        put(std::get<OfflineWrite>(record.what));
      }
    }
    journal_->durable(durable_sequence());
  }

  /// The disk is full: what is not durable never will be. The owner undoes the writes and tries the
  /// rest again.
  void refuse() {
    std::vector<Record> rest;
    while (end() > durable_) {
      rest.insert(rest.begin(), log_.back());
      log_.pop_back();
    }
    std::erase_if(events_, [this](const Event& event) { return event.at >= durable_; });
    for (Record& record : rest) {
      if (const auto* write = std::get_if<OfflineWrite>(&record.what);
          write != nullptr && !record.again) {
        journal_->undo(*write);
        writing_.erase(write->key);
        continue;
      }
      if (const auto* settled = std::get_if<Settled>(&record.what))
        events_.push_back({end(), {}, *settled});
      record.file = file_;
      log_.push_back(std::move(record));
    }
    if (rewriting_) rewritten_at_ = end();
    journal_->durable(durable_sequence());
  }

  void propose() { journal_->proposed(pinned_ = journal_->reached()); }

  /// An entry of the log settles the next `count` records, as far as they may have been proposed.
  void settle(std::size_t count) {
    if (durable_sequence() < pinned_) return;
    std::vector<Verdict> verdicts;
    Sequence through;
    for (auto at = index_.upper_bound(journal_->decided_through());
         at != index_.end() && at->first <= pinned_ && count > 0; ++at, --count) {
      chain_ = chain_after(chain_, at->second);
      through = at->first;
      verdicts.push_back({.sequence = through,
                          .kind = VerdictKind::won,
                          .winner = {},
                          .replaced_by = {},
                          .reason = {}});
    }
    if (verdicts.empty()) return;
    journal_->settled_in_log({++settled_entries_}, through, chain_, verdicts);
  }

  /// Marks up to the entry before the newest `behind` ones are synced.
  void mark(std::uint64_t behind) {
    const auto settled =
        journal_->free_covered_by({settled_entries_ - std::min(behind, settled_entries_)});
    if (!settled) return;
    events_.push_back({end(), {}, *settled});
    append(*settled);
  }

  /// The journal hears what the index has forgotten.
  void hear_freed() {
    if (freed_.empty()) return;
    journal_->freed(freed_.front().through, freed_.front().hashes, freed_.front().bytes);
    freed_.pop_front();
  }

  void roll() { ++file_; }

  /// The next step of the rewriting, whichever it is.
  void rewrite(std::size_t page) {
    if (!rewriting_) {
      rewriting_ = true;
      rewrite_from_ = durable_ < end() ? log_[durable_ - base_].file : file_;
      rewritten_ = {};
      append(journal_->begin_rewrite(), true);
      rewritten_at_ = end();
      asked_ = false;
    } else if (!asked_) {
      journal_->rewrite_asks();
      asked_ = true;
      for (auto at = index_.upper_bound(rewritten_); at != index_.end() && page_.size() < page;
           ++at) {
        page_.push_back(at->second);
      }
      last_page_ = page_.empty();
    } else if (!page_.empty()) {
      const OfflineWrite next = page_.front();
      page_.pop_front();
      rewritten_ = next.dot.sequence;
      if (!keeps_all && !journal_->rewrite_keeps(next.dot.sequence)) return;
      append(next, true);
      rewritten_at_ = end();
    } else if (!last_page_) {
      asked_ = false;
    } else {
      end_rewrite();
    }
  }

  /// One old file less, when a rewriting allows it.
  bool drop_file() {
    if (log_.empty() || log_.front().file >= drop_before_) return false;
    const int first = log_.front().file;
    for (; !log_.empty() && log_.front().file == first; ++base_) log_.pop_front();
    ++dropped_files_;
    return true;
  }

  // ---- crashes

  /// What a start finds if the disk ends at `place`.
  [[nodiscard]] std::unique_ptr<Journal> recovered(Place place,
                                                   std::vector<Sequence>* live = nullptr) const {
    auto journal = std::make_unique<Journal>(options_);
    for (Place at = base_; at < place; ++at) {
      std::visit([&](const auto& record) { journal->recover(record); }, log_[at - base_].what);
    }
    auto found = journal->finish_recovery();
    if (live != nullptr) *live = std::move(found);
    return journal;
  }

  void restart(Place place) {
    while (end() > place) log_.pop_back();
    durable_ = place;
    std::erase_if(events_, [place](const Event& event) { return event.at >= place; });
    std::vector<Sequence> live;
    journal_ = recovered(place, &live);
    index_.clear();
    for (const Record& record : log_) {
      const auto* write = std::get_if<OfflineWrite>(&record.what);
      if (write != nullptr && std::binary_search(live.begin(), live.end(), write->dot.sequence)) {
        index_[write->dot.sequence] = *write;
      }
    }
    freed_.clear();
    writing_.clear();
    page_.clear();
    rewriting_ = asked_ = false;
    drop_before_ = 0;
    pinned_ = journal_->reached();
    chain_ = journal_->learnt_chain();
  }

  // ---- the twin

  struct Truth {
    std::map<Sequence, OfflineWrite> live;
    std::map<Sequence, Sequence> replaced;  ///< by whom
    std::set<Sequence> settled;
    Settled learnt;
  };

  [[nodiscard]] Truth truth(Place place) const {
    Truth truth;
    for (const Event& event : events_) {
      if (event.at >= place) continue;
      if (event.settled) {
        if (event.settled->through >= truth.learnt.through) truth.learnt = *event.settled;
      } else {
        truth.live[event.write->dot.sequence] = *event.write;
      }
    }
    for (const Event& event : events_) {
      if (event.at >= place || event.settled || event.write->replaces.value == 0) continue;
      truth.replaced[event.write->replaces] = event.write->dot.sequence;
      truth.live.erase(event.write->replaces);
    }
    while (!truth.live.empty() && truth.live.begin()->first <= truth.learnt.through) {
      truth.settled.insert(truth.live.begin()->first);
      truth.live.erase(truth.live.begin());
    }
    return truth;
  }

  [[nodiscard]] Journal& journal() { return *journal_; }
  [[nodiscard]] Place durable() const { return durable_; }
  [[nodiscard]] Place end() const { return base_ + log_.size(); }
  [[nodiscard]] std::size_t records_on_disk() const { return log_.size(); }
  [[nodiscard]] const std::map<Sequence, OfflineWrite>& index() const { return index_; }
  [[nodiscard]] bool rewriting() const { return rewriting_; }
  [[nodiscard]] std::size_t dropped_files() const { return dropped_files_; }
  [[nodiscard]] bool frees() const { return !freed_.empty(); }

  bool keeps_all = false;  ///< breaks the rule of rewrite_keeps, to see that it is needed

 private:
  struct Record {
    std::variant<OfflineWrite, Settled> what;
    int file = 0;
    bool again = false;  ///< rewritten forward: was durable before
  };
  struct Freed {
    Sequence through;
    std::vector<std::uint64_t> hashes;
    std::uint64_t bytes = 0;
  };
  struct Event {
    Place at = 0;
    std::optional<OfflineWrite> write;
    std::optional<Settled> settled;
  };

  void append(std::variant<OfflineWrite, Settled> what, bool again = false) {
    log_.push_back({std::move(what), file_, again});
  }

  std::optional<PendingWrite> newest(const std::string& key) const {
    for (auto at = index_.rbegin(); at != index_.rend() && at->first > journal_->decided_through();
         ++at) {
      if (at->second.key == key)
        return PendingWrite{at->first, at->second.seen, journal_bytes(at->second)};
    }
    return std::nullopt;
  }

  void put(const OfflineWrite& write) {
    index_.erase(write.replaces);
    index_[write.dot.sequence] = write;
    writing_.erase(write.key);
  }

  // The index forgets at once; the journal hears of it later.
  void free(Sequence through) {
    Freed freed{through, {}, 0};
    while (!index_.empty() && index_.begin()->first <= through) {
      freed.hashes.push_back(key_hash(index_.begin()->second.key));
      freed.bytes += journal_bytes(index_.begin()->second);
      index_.erase(index_.begin());
    }
    freed_.push_back(std::move(freed));
  }

  void end_rewrite() {
    if (durable_ < rewritten_at_) return;
    switch (journal_->end_rewrite()) {
      case Journal::RewriteEnd::not_yet: return;
      case Journal::RewriteEnd::drop: drop_before_ = rewrite_from_; break;
      case Journal::RewriteEnd::again: break;
    }
    rewriting_ = false;
  }

  [[nodiscard]] Sequence durable_sequence() const {
    for (Place at = durable_; at < end(); ++at) {
      const Record& record = log_[at - base_];
      const auto* write = std::get_if<OfflineWrite>(&record.what);
      if (write != nullptr && !record.again) return write->dot.sequence.previous();
    }
    return journal_->reached();
  }

  Journal::Options options_;
  std::unique_ptr<Journal> journal_;
  std::map<Sequence, OfflineWrite> index_;
  std::deque<Freed> freed_;
  std::set<std::string> writing_;
  Sequence pinned_;
  std::uint64_t chain_ = 0;
  std::uint64_t settled_entries_ = 0;
  std::uint64_t stamp_ = 0;

  std::deque<Record> log_;
  Place base_ = 0;
  Place durable_ = 0;
  int file_ = 1;
  std::vector<Event> events_;

  bool rewriting_ = false;
  bool asked_ = false;
  bool last_page_ = false;
  int rewrite_from_ = 0;
  int drop_before_ = 0;
  std::size_t dropped_files_ = 0;
  Place rewritten_at_ = 0;
  Sequence rewritten_;
  std::deque<OfflineWrite> page_;
};

}  // namespace causeway::crdt::test
