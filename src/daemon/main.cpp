// kvd: one node as a process of its own.
//
// Standard output has one line, `ready ID HOST:PORT`; everything else goes to standard error. Exit
// 0: stopped as asked; 2: unusable flags, environment or configuration file; 1: anything else, with
// one line that says what to do.
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include <unistd.h>

#include <malloc.h>

#include "daemon/command_line.hpp"
#include "daemon/notify.hpp"
#include "daemon/stop_signals.hpp"
#include <causeway/node.hpp>

namespace {

using causeway::Errc;
using causeway::Error;
using causeway::Node;

constexpr int kExitFailed = 1;
constexpr int kExitUnusableFlags = 2;

int complain(const Error& error) {
  std::fprintf(stderr, "kvd: %s\n", error.detail.c_str());
  return error.code == Errc::invalid ? kExitUnusableFlags : kExitFailed;
}

/// What one thread allocates another frees, and freed memory shall go back to the system. Measured
/// with three voters, 256 writes outstanding: an arena for each thread costs nothing in resident
/// memory, two for all cost 7 % more CPU (they wait for each other).
void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, 8);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
  ::mallopt(M_MMAP_THRESHOLD, 512 << 10);
}

/// What the signal thread may stop; empty until the node is ready.
struct Running {
  std::mutex mutex;
  Node* node = nullptr;
};

void stop_node(Running& running) {
  causeway::daemon::notify_supervisor("STOPPING=1");
  Node* node = nullptr;
  {
    const std::lock_guard lock(running.mutex);
    node = running.node;
  }
  // Still starting: nothing has been taken from anybody, and a start can be broken off anywhere.
  if (node == nullptr) ::_exit(0);
  node->stop();
}

int run(causeway::NodeOptions options) {
  // Outlives this function: the signal thread stays until the process ends.
  static Running running;
  causeway::daemon::on_stop_signal([] { stop_node(running); });

  causeway::Result<std::unique_ptr<Node>> started = Node::start(std::move(options));
  if (!started) return complain(started.error());
  Node& node = *started.value();
  {
    const std::lock_guard lock(running.mutex);
    running.node = &node;
  }
  std::printf("ready %s %s\n", node.id().c_str(), node.listen().c_str());
  std::fflush(stdout);
  causeway::daemon::notify_supervisor("READY=1");

  const causeway::Result<void> ended = node.wait();
  // Not destroyed: the signal thread may be in `stop` still. All is flushed and closed by now.
  [[maybe_unused]] Node* const left = std::move(started).value().release();
  if (!ended) {
    complain(ended.error());
    return kExitFailed;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  causeway::daemon::block_stop_signals();
  keep_memory_small();
  auto parsed = causeway::daemon::parse_command_line(argc, argv);
  if (!parsed) return complain(parsed.error());
  if (const auto* text = std::get_if<causeway::daemon::Text>(&parsed.value())) {
    std::fputs(text->text.c_str(), stdout);
    return 0;
  }
  const int code = run(std::get<causeway::NodeOptions>(std::move(parsed).value()));
  std::fflush(nullptr);
  // The signal thread and RocksDB's idle ones are still there: no destructors under their feet.
  ::_exit(code);
}
