// An app with a store inside that goes on working alone: it embeds a node, loses the others, reads
// and writes meanwhile, and learns what became of its write when they are back.
//
// Three nodes run in this one process, to have something to lose; in earnest each has a machine of
// its own.
//     example_offline_app 7401 7402 7403        the three ports, which must be free
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <causeway/node.hpp>

using namespace std::chrono_literals;

namespace {

causeway::NodeOptions voter(int number, char** ports) {
  causeway::NodeOptions options;
  for (int i = 1; i <= 3; ++i) {
    options.cluster["n" + std::to_string(i)] = "127.0.0.1:" + std::string(ports[i]);
  }
  options.id = "n" + std::to_string(number);
  options.listen = options.cluster[options.id];
  options.data_dir = "offline-app-data/" + options.id;
  options.election_timeout = 300ms;
  options.heartbeat_interval = 50ms;
  options.log_level = "error";
  return options;
}

/// Errors are values; this program has no better idea than to say what went wrong.
template <class T>
T or_exit(causeway::Result<T> result) {
  if (result) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().detail.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: %s PORT PORT PORT\n", argv[0]), 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::filesystem::remove_all("offline-app-data");
  auto mine = or_exit(causeway::Node::start(voter(1, argv)));
  auto second = or_exit(causeway::Node::start(voter(2, argv)));
  auto third = or_exit(causeway::Node::start(voter(3, argv)));

  or_exit(mine->set("door", "shut"));  // consistent and blocking: on a majority when this returns
  std::printf("together: door is %s\n", or_exit(second->get("door")).value.c_str());

  second.reset();  // the tide comes in
  third.reset();
  const auto late = or_exit(
      mine->set("door", "ajar",
                {.blocking = false, .timeout = 500ms, .in_doubt = causeway::InDoubt::report}));
  std::printf("alone, consistent: %s\n", late.timeout ? "timeout: it never happens"
                                         : late.in_doubt
                                             ? "in doubt: it may happen when they are back"
                                             : "done");

  const auto offline = or_exit(mine->set("door", "open", {.consistent = false}));
  const auto local = or_exit(mine->get("door", {.consistent = false}));
  std::printf("alone, offline: door is %s%s\n", local.value.c_str(),
              local.pending ? ", not settled yet" : "");

  second = or_exit(causeway::Node::start(voter(2, argv)));  // the tide goes out
  third = or_exit(causeway::Node::start(voter(3, argv)));
  const auto settled = or_exit(mine->await(offline.token));
  const bool won = settled.state == causeway::AwaitResult::State::won;
  std::printf("together again: the offline write has %s\n", won ? "won" : "lost");
  const auto seen = or_exit(third->get("door"));
  std::printf("everywhere: door is %s\n", seen.value.c_str());
  return won && seen.value == "open" ? 0 : 1;
}
