#include "host/rocksdb_table.hpp"

#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <thread>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "host/one_line.hpp"
#include "host/space_reserve.hpp"

namespace causeway::host {
namespace {

rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Error error_of(const std::string& path, std::string_view what, const rocksdb::Status& status) {
  Errc code = Errc::io;
  std::string remedy;
  if (status.IsNoSpace()) {
    code = Errc::disk_full;
    remedy = ": free some space and start again";
  } else if (status.IsCorruption() || status.IsInvalidArgument() || status.IsNotSupported()) {
    code = Errc::corrupt;
    remedy = ": put back a good copy, or start in a new directory and let the others fill it";
  }
  return {code, one_line("state in " + path + ": cannot " + std::string(what) + ": " +
                         status.ToString() + remedy)};
}

/// Takes the place of the LOG file that RocksDB would write next to the data.
class WarningsOnly final : public rocksdb::Logger {
 public:
  explicit WarningsOnly(std::function<void(std::string_view)> warn)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), warn_(std::move(warn)) {}

  using Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    // Headers (the options, some 200 lines) come whatever the level.
    if (level != rocksdb::InfoLogLevel::HEADER_LEVEL) Logger::Logv(level, format, arguments);
  }
  void Logv(const char* format, va_list arguments) override {
    if (!warn_) return;
    std::array<char, 512> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    warn_(one_line("RocksDB: " + std::string(text.data())));
  }

 private:
  std::function<void(std::string_view)> warn_;
};

rocksdb::BlockBasedTableOptions block_options(std::size_t cache_bytes) {
  rocksdb::BlockBasedTableOptions options;
  // Not a strict limit: with one a read fails when its block does not fit. Only the blocks that the
  // one reading thread and one compaction hold can exceed it. One shard: small blocks of index and
  // filter share what is little anyway.
  options.block_cache = rocksdb::NewLRUCache(cache_bytes, 0, false, 0.5);
  options.cache_index_and_filter_blocks = true;
  options.cache_index_and_filter_blocks_with_high_priority = true;
  options.pin_l0_filter_and_index_blocks_in_cache = false;
  // Index and filters in pieces of a block each: the whole filter of a table would push out half of
  // the cache.
  options.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  options.partition_filters = true;
  options.metadata_block_size = 4096;
  options.block_size = 4096;
  options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.optimize_filters_for_memory = true;
  options.format_version = 5;
  return options;
}

rocksdb::Options options_of(const RocksdbOptions& own) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.info_log = std::make_shared<WarningsOnly>(own.warn);

  options.write_buffer_size = own.write_buffer_bytes;
  // One is filled, the others are written out: with a single spare every flush that the disk slows
  // down stops the apply thread.
  options.max_write_buffer_number = 3;
  options.arena_block_size = own.write_buffer_bytes / 16;
  // Many reads ask for keys that are not there (is anything pending? was it ever settled?): a small
  // filter answers for what is still in memory, as the tables' filters do for what is on disk.
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.memtable_whole_key_filtering = true;
  // One thread writes.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.avoid_flush_during_shutdown = true;  // flush_and_close does it, and hears of errors

  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = 4 << 20;
  options.max_bytes_for_level_base = 16 << 20;
  options.max_background_jobs = 2;
  options.max_subcompactions = 1;
  options.compaction_readahead_size = 128 << 10;
  options.writable_file_max_buffer_size = 128 << 10;
  options.bytes_per_sync = 512 << 10;  // a flush must not hold up the log's syncs for long
  options.max_open_files = 64;
  options.table_cache_numshardbits = 0;

  // An idle node touches no disk.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.stats_history_buffer_size = 0;
  options.skip_stats_update_on_db_open = true;
  options.max_manifest_file_size = 1 << 20;
  options.manifest_preallocation_size = 64 << 10;

  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(block_options(own.cache_bytes)));
  return options;
}

}  // namespace

struct RocksdbTable::Impl {
  std::string path;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::WriteBatch batch;  // reused; holds at most kBatchBytesKept between writes
  rocksdb::WriteOptions write_options;
  rocksdb::ReadOptions read_options;

  SpaceReserve* reserve = nullptr;
  std::size_t unwatched_bytes = 0;  // written since the reserve was looked after
  bool scarce = false;              // room is: compactions wait

  void watch_reserve(std::size_t written);
  rocksdb::Status write_when_there_is_room();

  static constexpr std::chrono::seconds kRoomTimeMax{12};
  static constexpr std::size_t kWatchedBytes = std::size_t{256} << 10;
  static constexpr std::size_t kBatchBytesKept = std::size_t{1} << 20;
};

RocksdbTable::RocksdbTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksdbTable::~RocksdbTable() = default;

Result<std::unique_ptr<RocksdbTable>> RocksdbTable::open(const std::string& path,
                                                         RocksdbOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->reserve = options.reserve;
  impl->write_options.disableWAL = true;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options_of(options), path, &db);
  if (!status.ok()) {
    // RocksDB tells a held lock by an IOError alone; the data directory's own lock comes first, so
    // this is a guest with a tool.
    if (status.IsIOError() && status.ToString().find("lock ") != std::string::npos) {
      return Error{Errc::unavailable,
                   one_line("state in " + path +
                            " is in use by another program: end that one: " + status.ToString())};
    }
    return error_of(path, "open", status);
  }
  impl->db.reset(db);
  return std::unique_ptr<RocksdbTable>(new RocksdbTable(std::move(impl)));
}

Result<std::optional<std::string>> RocksdbTable::get(std::string_view key) const {
  std::optional<std::string> value(std::in_place);
  const rocksdb::Status status = impl_->db->Get(impl_->read_options, slice_of(key), &*value);
  if (status.ok()) return value;
  if (status.IsNotFound()) return std::optional<std::string>{};
  return error_of(impl_->path, "read", status);
}

Result<void> RocksdbTable::scan(
    std::string_view from, std::string_view to,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  rocksdb::ReadOptions options = impl_->read_options;
  const rocksdb::Slice upper = slice_of(to);
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;  // a long scan must not push out what is read often
  const std::unique_ptr<rocksdb::Iterator> at(impl_->db->NewIterator(options));
  for (at->Seek(slice_of(from)); at->Valid(); at->Next()) {
    if (!visit(view_of(at->key()), view_of(at->value()))) return success();
  }
  if (!at->status().ok()) return error_of(impl_->path, "read", at->status());
  return success();
}

Result<void> RocksdbTable::write(const kv::Batch& batch) {
  rocksdb::WriteBatch& out = impl_->batch;
  out.Clear();
  for (const kv::Batch::Op& op : batch.ops) {
    const rocksdb::Status added =
        op.value ? out.Put(slice_of(op.key), slice_of(*op.value)) : out.Delete(slice_of(op.key));
    if (!added.ok()) return error_of(impl_->path, "write", added);
  }
  rocksdb::Status status = impl_->db->Write(impl_->write_options, &out);
  if (status.IsNoSpace()) status = impl_->write_when_there_is_room();
  impl_->watch_reserve(out.GetDataSize());
  if (out.GetDataSize() > Impl::kBatchBytesKept) out = rocksdb::WriteBatch();
  if (!status.ok()) return error_of(impl_->path, "write", status);
  return success();
}

void RocksdbTable::Impl::watch_reserve(std::size_t written) {
  unwatched_bytes += written;
  if (reserve == nullptr || unwatched_bytes < kWatchedBytes) return;
  unwatched_bytes = 0;
  const bool scarce_now = reserve->watch();
  if (scarce_now == scarce) return;
  // A compaction needs as much again as it merges, for as long as it runs: that is the flushes'
  // room.
  scarce = scarce_now;
  const auto changed = db->SetOptions({{"disable_auto_compactions", scarce ? "true" : "false"}});
  static_cast<void>(changed);  // a hint
}

/// A flush found the disk full, and RocksDB takes nothing more until it has seen room again, for
/// which it looks every five seconds. The batch was not applied: it may be written again. Others
/// may have room to give back; if nobody has, the node ends.
rocksdb::Status RocksdbTable::Impl::write_when_there_is_room() {
  rocksdb::Status status;
  const auto give_up = std::chrono::steady_clock::now() + kRoomTimeMax;
  do {
    if (reserve != nullptr) static_cast<void>(reserve->watch());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    static_cast<void>(db->Resume());  // busy while it looks itself
    status = db->Write(write_options, &batch);
  } while (status.IsNoSpace() && std::chrono::steady_clock::now() < give_up);
  return status;
}

Result<void> RocksdbTable::flush_and_close() {
  rocksdb::Status status = impl_->db->Flush(rocksdb::FlushOptions());
  if (status.ok()) status = impl_->db->Close();
  if (!status.ok()) return error_of(impl_->path, "write what is in memory", status);
  return success();
}

}  // namespace causeway::host
