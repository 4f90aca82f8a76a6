// kv::Table over RocksDB: the state of a node on its disk.
//
// The Raft log is the write-ahead log, so RocksDB's own is off: a batch goes to memory, and to disk
// when enough has gathered or at a clean close. After a crash the table shows the state behind some
// earlier batch, and the log is applied from there. It is made for 64 MB machines: a few MB each of
// write buffers and of cache, one background thread for flushes and one for compactions, nothing
// that wakes up or writes while the node is idle, no log files.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/table.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

class SpaceReserve;

struct RocksdbOptions {
  std::size_t write_buffer_bytes = std::size_t{4} << 20;  ///< of each; up to three, mostly one
  std::size_t cache_bytes = std::size_t{8} << 20;  ///< data, index and filter blocks together
  SpaceReserve* reserve = nullptr;                 ///< watched while writing; outlives the table
  /// Gets RocksDB's own warnings and errors, from any thread.
  std::function<void(std::string_view)> warn;
};

/// Owned by the apply thread, like every Table.
class RocksdbTable final : public kv::Table {
 public:
  /// Opens the database in directory `path`, or makes one in an empty or absent directory.
  /// errors   corrupt (damaged or foreign files), unavailable (locked), disk_full, io; one line
  ///          that names the directory
  [[nodiscard]] static Result<std::unique_ptr<RocksdbTable>> open(const std::string& path,
                                                                  RocksdbOptions options = {});
  ~RocksdbTable() override;

  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> scan(std::string_view from, std::string_view to,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit)
      const override;
  Result<void> write(const kv::Batch& batch) override;

  /// Writes to disk what is in memory only, and closes. Without it the destructor leaves that to
  /// the log.
  Result<void> flush_and_close();

 private:
  struct Impl;
  explicit RocksdbTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace causeway::host
