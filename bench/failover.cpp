// How long does a cluster without its leader take to commit again? One trial: kills the leader's
// process with SIGKILL, sends a write to another node at once, and prints the milliseconds until it
// is answered.
//
//     causeway_failover LEADER_PID SERVER
//
// The connection stands before the kill, so that what is measured is the cluster: noticing,
// election, commit. scripts/bench runs it twenty times.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <signal.h>

#include <causeway/client.hpp>

int main(int argc, char** argv) {
  const long pid = argc == 3 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (pid <= 1) {
    std::fprintf(stderr, "usage: causeway_failover LEADER_PID SERVER\n");
    return 2;
  }
  const auto client = causeway::Client::connect({.servers = {argv[2]}});
  if (!client) {
    std::fprintf(stderr, "causeway_failover: %s\n", client.error().detail.c_str());
    return 1;
  }
  const auto killed = std::chrono::steady_clock::now();
  if (::kill(static_cast<pid_t>(pid), SIGKILL) != 0) {
    std::fprintf(stderr, "causeway_failover: cannot kill process %ld\n", pid);
    return 1;
  }
  const auto written = client.value()->set("failover", "trial");
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - killed;
  if (!written || !written.value().valid) {
    std::fprintf(stderr, "causeway_failover: the write was not carried out\n");
    return 1;
  }
  std::printf("%.1f\n", took.count());
  return 0;
}
