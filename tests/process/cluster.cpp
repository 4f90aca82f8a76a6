#include "cluster.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace causeway::test {
namespace {

// Has any check of this program failed? Then clusters print their logs when they end.
std::atomic<bool> any_check_failed{false};

class FailureListener : public doctest::IReporter {
 public:
  explicit FailureListener(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override { any_check_failed = false; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override { any_check_failed = true; }
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& data) override {
    if (data.m_failed) any_check_failed = true;
  }
  void log_message(const doctest::MessageData& data) override {
    if (data.m_severity != doctest::assertType::is_warn) any_check_failed = true;
  }
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("failures", 1, FailureListener);

std::string loopback_of_this_process() {
  const auto pid = static_cast<unsigned>(::getpid());
  return "127." + std::to_string(64 + (pid >> 16) % 64) + "." + std::to_string((pid >> 8) % 256) +
         "." + std::to_string(pid % 256);
}

bool can_bind(const std::string& host, std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return bound;
}

std::string tail(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const std::size_t line = text.find('\n', text.size() - bytes_max);
  return "[...]\n" + text.substr(line == std::string::npos ? text.size() - bytes_max : line + 1);
}

// Empty where libfaketime is not installed.
std::map<std::string, std::string> with_faketime(std::pair<std::string, std::string> clock) {
  for (const char* directory : {"/usr/lib", "/usr/lib64", "/lib"}) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
      const auto library = entry.path() / "faketime" / "libfaketimeMT.so.1";
      if (!std::filesystem::exists(library, ignored)) continue;
      return {{"LD_PRELOAD", std::string(TRUE_TIMERS_PATH) + " " + library.string()},
              {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
              std::move(clock)};
    }
  }
  return {};
}

}  // namespace

std::string free_address() {
  static std::uint16_t next = 7401;
  const std::string host = loopback_of_this_process();
  while (!can_bind(host, next)) ++next;
  return host + ":" + std::to_string(next++);
}

std::map<std::string, std::string> wrong_clock(const std::string& when) {
  return with_faketime({"FAKETIME", when});
}

std::map<std::string, std::string> stepped_clock(const std::string& file) {
  auto environment = with_faketime({"FAKETIME_TIMESTAMP_FILE", file});
  // Else it looks at the file every ten seconds only.
  if (!environment.empty()) environment.emplace("FAKETIME_NO_CACHE", "1");
  return environment;
}

Cluster::Cluster(std::size_t nodes) : nodes_(nodes) {
  for (Node& node : nodes_) node.address = free_address();
}

Cluster::Cluster(const Network& network) : nodes_(network.size()) {
  for (Number node = 1; node <= size(); ++node) {
    at(node).address = Network::ip(node) + ":7400";
    at(node).network_namespace = network.space(node);
  }
}

Cluster::~Cluster() {
  for (Number node = 1; node <= size(); ++node) {
    if (!any_check_failed || !at(node).process || running(node)) continue;
    std::fprintf(stderr, "%s had ended with %d\n", id(node).c_str(), *at(node).process->wait());
  }
  for (Node& node : nodes_) node.process.reset();
  if (std::getenv("CAUSEWAY_KEEP") != nullptr || (any_check_failed && kept_after_failure_)) {
    directory_.keep();
    std::fprintf(stderr, "kept: %s\n", directory_.path().c_str());
  }
  if (!any_check_failed) return;
  for (Number node = 1; node <= size(); ++node) {
    std::fprintf(stderr, "---- %s (%s)\n%s", id(node).c_str(), address(node).c_str(),
                 tail(log(node), 12000).c_str());
  }
  std::fprintf(stderr, "----\n");
}

std::string Cluster::data_directory(Number node) const { return directory_ / id(node); }
std::string Cluster::output_file(Number node) const { return directory_ / (id(node) + ".out"); }
std::string Cluster::log_file(Number node) const { return directory_ / (id(node) + ".log"); }
std::string Cluster::log(Number node) const { return read_file(log_file(node)); }

std::string Cluster::cluster_flag() const {
  std::string text;
  for (Number node = 1; node <= size(); ++node) {
    text += (text.empty() ? "" : ",") + id(node) + "=" + address(node);
  }
  return text;
}

void Cluster::launch(Number node) {
  Node& it = at(node);
  REQUIRE_FALSE(running(node));
  std::vector<std::string> arguments = {KVD_PATH,
                                        "--id",
                                        id(node),
                                        "--listen",
                                        it.address,
                                        "--data-dir",
                                        data_directory(node),
                                        "--cluster",
                                        cluster_flag(),
                                        "--election-timeout",
                                        "400ms",
                                        "--heartbeat-interval",
                                        "50ms"};
  // A flag given here takes the place of the common one.
  for (std::size_t i = 0; i + 1 < it.flags.size(); i += 2) {
    const auto same = std::find(arguments.begin(), arguments.end(), it.flags[i]);
    if (same != arguments.end()) {
      *(same + 1) = it.flags[i + 1];
    } else {
      arguments.push_back(it.flags[i]);
      arguments.push_back(it.flags[i + 1]);
    }
  }
  std::error_code ignored;
  std::filesystem::remove(output_file(node), ignored);
  ++it.starts;
  it.process =
      std::make_unique<Process>(Launch{.arguments = arguments,
                                       .environment = it.environment,
                                       .output_file = output_file(node),
                                       .error_file = log_file(node),
                                       .network_namespace = it.network_namespace,
                                       .own_shared_memory = it.environment.contains("LD_PRELOAD")});
}

void Cluster::wait_until_ready(Number node) {
  const std::string line = "ready " + id(node) + " " + address(node) + "\n";
  const bool ready = eventually(
      [&] { return read_file(output_file(node)) == line || !at(node).process->running(); });
  INFO("standard output of ", id(node), ": ", read_file(output_file(node)));
  INFO("its log: ", tail(log(node), 2000));
  REQUIRE(ready);
  REQUIRE(at(node).process->running());
}

void Cluster::start(const std::vector<Number>& nodes) {
  for (const Number node : nodes) launch(node);
  for (const Number node : nodes) wait_until_ready(node);
}

void Cluster::start_all() {
  std::vector<Number> nodes;
  for (Number node = 1; node <= size(); ++node) {
    if (!running(node)) nodes.push_back(node);
  }
  start(nodes);
}

void Cluster::kill(const std::vector<Number>& nodes) {
  for (const Number node : nodes) at(node).process->signal(SIGKILL);
  for (const Number node : nodes) REQUIRE(at(node).process->wait().has_value());
}

void Cluster::kill_all() {
  std::vector<Number> nodes;
  for (Number node = 1; node <= size(); ++node) {
    if (running(node)) nodes.push_back(node);
  }
  kill(nodes);
}

void Cluster::pause(Number node) { at(node).process->signal(SIGSTOP); }
void Cluster::resume(Number node) { at(node).process->signal(SIGCONT); }

ExitCode Cluster::terminate(Number node) {
  at(node).process->signal(SIGTERM);
  const auto code = at(node).process->wait();
  REQUIRE(code.has_value());
  return *code;
}

bool Cluster::running(Number node) { return at(node).process && at(node).process->running(); }

void Cluster::wipe(Number node) {
  REQUIRE_FALSE(running(node));
  std::filesystem::remove_all(data_directory(node));
}

std::string Cluster::copy_data(Number node) {
  REQUIRE_FALSE(running(node));
  const std::string copy = directory_ / (id(node) + ".copy");
  std::filesystem::remove_all(copy);
  std::filesystem::copy(data_directory(node), copy, std::filesystem::copy_options::recursive);
  return copy;
}

void Cluster::restore_data(Number node, const std::string& copy) {
  wipe(node);
  std::filesystem::copy(copy, data_directory(node), std::filesystem::copy_options::recursive);
}

std::unique_ptr<Client> Cluster::client(Number node) const {
  auto client = Client::connect({.servers = {address(node)}});
  REQUIRE_MESSAGE(client.has_value(), client.error().detail);
  return std::move(client).value();
}

CommandResult Cluster::cli(Number node, std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {KVCLI_PATH, "--server", address(node)});
  return run(arguments);
}

Status Cluster::status(Number node) const {
  auto status = client(node)->status();
  REQUIRE(status.has_value());
  return std::move(status).value();
}

Cluster::Number Cluster::wait_for_leader() {
  Number leader = 0;
  const bool found = eventually([&] {
    leader = 0;
    std::string followed;
    for (Number node = 1; node <= size(); ++node) {
      if (!running(node)) continue;
      const Status now = status(node);
      if (now.state == "quarantined") continue;
      if (now.leader.empty() || (!followed.empty() && followed != now.leader)) return false;
      followed = now.leader;
      if (now.role == "leader") leader = node;
    }
    return leader != 0 && id(leader) == followed;
  });
  REQUIRE(found);
  return leader;
}

void Cluster::wait_until_quiet() {
  const bool quiet = eventually([&] {
    LogIndex applied;
    for (Number node = 1; node <= size(); ++node) {
      if (!running(node)) continue;
      const Status now = status(node);
      if (now.pending != 0 || now.applied_index != now.commit_index) return false;
      if (applied.value != 0 && applied != now.applied_index) return false;
      applied = now.applied_index;
    }
    return true;
  });
  REQUIRE(quiet);
}

bool is_served(Client& client) {
  const auto got = client.get("served", {.blocking = false});
  return got.has_value() && got.value().value == "yes";
}

}  // namespace causeway::test
