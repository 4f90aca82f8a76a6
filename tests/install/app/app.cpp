// A node of its own, and a client of that node; both behind `Store&`.
//     app DATA_DIR
#include <chrono>
#include <cstdio>
#include <string>

#include <causeway/client.hpp>
#include <causeway/node.hpp>

using namespace std::chrono_literals;

namespace {

/// An offline write, read back, and settled. False, with a line that says what: something was not
/// as promised.
bool works(causeway::Store& store, const std::string& key) {
  const auto failed = [&](const char* what, const auto& result) {
    std::fprintf(stderr, "%s of %s: %s\n", what, key.c_str(),
                 result ? "not what was promised" : result.error().detail.c_str());
    return false;
  };
  const auto set = store.set(key, "open", {.consistent = false});
  if (!set || !set.value().valid || set.value().token.empty()) return failed("set", set);
  const auto local = store.get(key, {.consistent = false});
  if (!local || local.value().value != "open") return failed("inconsistent get", local);
  const auto settled = store.await(set.value().token, 30s);
  if (!settled || settled.value().state != causeway::AwaitResult::State::won)
    return failed("await", settled);
  const auto everywhere = store.get(key, {.blocking = false, .timeout = 30s});
  if (!everywhere || everywhere.value().value != "open") return failed("get", everywhere);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  causeway::NodeOptions options;
  options.listen = "127.0.0.1:0";
  options.data_dir = argv[1];
  options.election_timeout = 200ms;
  options.heartbeat_interval = 50ms;
  options.log_level = "error";
  auto node = causeway::Node::start(options);
  if (!node) return std::fprintf(stderr, "start: %s\n", node.error().detail.c_str()), 1;
  auto client = causeway::Client::connect({.servers = {node.value()->listen()}});
  if (!client) return std::fprintf(stderr, "connect: %s\n", client.error().detail.c_str()), 1;
  if (!works(*node.value(), "front door") || !works(*client.value(), "back door")) return 1;
  std::puts("app: all as promised");
  return 0;
}
