#include "network.hpp"

#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <sched.h>

namespace causeway::test {
namespace {

// Where Debian has them; a user's PATH may lack these directories.
std::string program(const std::string& name) {
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"}) {
    if (std::filesystem::exists(directory + name)) return directory + name;
  }
  throw std::runtime_error(name + " is missing: run scripts/setup");
}

std::string run_inside(int space, const std::vector<std::string>& arguments,
                       const std::string& input = {}) {
  CommandResult result = run(arguments, {.input = input, .network_namespace = space});
  if (result.code != 0) throw std::runtime_error(arguments.front() + ": " + result.err);
  return std::move(result.out);
}

std::string port(Network::Host host) { return "host" + std::to_string(host); }

}  // namespace

Network::Space::Space(Space&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
Network::Space::~Space() {
  if (file_ >= 0) ::close(file_);
}

Network::WayBack::~WayBack() { ::setns(outside_.file(), CLONE_NEWNET); }

Network::Space Network::current_space() {
  const int file = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (file < 0) throw std::runtime_error("this kernel has no network namespaces");
  return Space(file);
}

Network::Space Network::new_space() {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("cannot make a network namespace");
  return current_space();
}

bool Network::possible() {
  const Space here = current_space();
  return ::unshare(CLONE_NEWNET) == 0 && ::setns(here.file(), CLONE_NEWNET) == 0;
}

Network::Network(std::size_t hosts) : hub_(new_space()) {
  const std::string ip_program = program("ip");
  const std::string files = "/proc/" + std::to_string(::getpid()) + "/fd/";
  std::string wires = "link add bridge type bridge\nlink set bridge up\n";
  for (Host host = 0; host <= hosts; ++host) {
    spaces_.push_back(new_space());
    wires += "link add " + port(host) + " type veth peer name eth0 netns " + files +
             std::to_string(space(host)) + "\nlink set " + port(host) + " master bridge up\n";
  }
  ::setns(space(kClients), CLONE_NEWNET);
  run_inside(hub_.file(), {ip_program, "-batch", "-"}, wires);
  for (Host host = 0; host <= hosts; ++host) {
    run_inside(space(host), {ip_program, "-batch", "-"},
               "link set lo up\naddr add " + ip(host) + "/24 dev eth0\nlink set eth0 up\n");
  }
  cut({});
}

void Network::cut(const std::vector<Cut>& cuts) {
  // One transaction. Only IP vanishes: with ARP gone too, hosts would be told that nobody is there.
  std::string rules =
      "add table bridge hub\n"
      "add counter bridge hub dropped\n"
      "add chain bridge hub forward { type filter hook forward priority 0; }\n"
      "flush chain bridge hub forward\n";
  for (const Cut& one : cuts) {
    rules += "add rule bridge hub forward iifname " + port(one.from) + " oifname " + port(one.to) +
             " ether type ip counter name dropped drop\n";
  }
  run_inside(hub_.file(), {program("nft"), "-f", "-"}, rules);
}

std::uint64_t Network::dropped() const {
  const std::string text = run_inside(hub_.file(), {program("nft"), "list", "counters"});
  const std::size_t at = text.find("packets ");
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + 8));
}

}  // namespace causeway::test
