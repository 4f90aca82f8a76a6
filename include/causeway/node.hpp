// A node of the store inside your process.
//
//     auto node = causeway::Node::start({.id = "n1", .data_dir = "d1"});
//     if (!node) { ... node.error().detail ... }
//     node.value()->set("door", "open", {.consistent = false});
//
// A programmer's error inside the library prints one line and aborts; check_handler.hpp
// changes that.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <causeway/store.hpp>

namespace causeway {

/// Settings of a node. Who it is stands in its data directory after the first start: `id` and
/// `cluster` are for that one, and may be repeated later.
struct NodeOptions {
  /// `[a-z0-9._-]{1,64}`; empty: as in the directory, or else the host's name in lower case
  std::string id;
  /// HOST:PORT; port 0 picks one; empty: as in the directory, or else 127.0.0.1:7400
  std::string listen;
  /// The address that others use, where it differs.
  std::string advertise;
  std::string data_dir = "causeway-data";
  /// Voters: id -> HOST:PORT; empty: as in the directory, or else this node alone.
  std::map<std::string, std::string> cluster;
  std::chrono::milliseconds election_timeout{1000};   ///< 10 ms to 1 h; each is drawn from [t, 2t)
  std::chrono::milliseconds heartbeat_interval{100};  ///< at most half of election_timeout
  /// Bytes of pending offline writes on disk; at least 64 KiB.
  std::uint64_t journal_limit = 256u << 20;
  std::size_t key_bytes_max = 1024;        ///< 1 to 1024
  std::size_t value_bytes_max = 1u << 20;  ///< 1 to 1 MiB
  /// trace, debug, info, warn, error, off; to standard error
  std::string log_level = "info";
};

/// Owns the node's threads and files. Destroying it stops it as `stop` does.
class Node : public Store {
 public:
  /// Recovers and listens; returns when local reads and writes are served (no quorum needed).
  /// errors   invalid (an unusable option or directory: it says which and what to do), io,
  ///          disk_full, corrupt
  /// thread   any; waits for the disk
  static Result<std::unique_ptr<Node>> start(NodeOptions options);

  /// Hands leadership over, answers waiting calls (withdrawn: unavailable; possibly appended:
  /// in_doubt), flushes, ends. Idempotent.
  virtual void stop() = 0;

  [[nodiscard]] virtual const std::string& id() const = 0;
  /// Where it listens, with the port that was picked.
  [[nodiscard]] virtual const std::string& listen() const = 0;
  /// Waits until the node has ended by itself (a disk that failed) or by `stop`; empty when all was
  /// well.
  virtual Result<void> wait() = 0;

  using Store::await;
  using Store::conflicts;
  using Store::get;
  using Store::outcome;
  using Store::pending;
  using Store::remove;
  using Store::set;
  using Store::status;
  using Store::swap;
};

}  // namespace causeway
