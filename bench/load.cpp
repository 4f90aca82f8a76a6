// Load generator: keeps D requests outstanding on each of C connections, for some seconds, and says
// how many a second were answered and how long they took.
//
//     causeway_load --server 127.0.0.1:7401 --op set --connections 8 --depth 32 --seconds 10
//
// One thread and epoll, requests made by hand (rpc_frames.hpp), so that it is not what is measured.
// `set` and `get` are consistent; `lset` and `lget` stay on the node. Keys are random of --keys, 16
// bytes each. Prints one line; exit 1 when an answer was an error, or a connection was lost.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc_frames.hpp"

namespace {

using causeway::bench::Answer;
using causeway::bench::RequestTemplate;
using causeway::bench::take_answer;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string server = "127.0.0.1:7400";
  std::string op = "set";
  std::size_t connections = 8;
  std::size_t depth = 1;
  std::size_t seconds = 10;
  std::size_t warm_seconds = 1;  // before it counts
  std::size_t keys = 100'000;
  std::size_t value_bytes = 256;
};

[[noreturn]] void fail(const std::string& text) { throw std::runtime_error(text); }

std::size_t number(const std::string& flag, const std::string& text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) {
    fail(flag + " wants a number above 0, not \"" + text + "\"");
  }
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  const std::map<std::string, std::size_t*> numbers = {{"--connections", &options.connections},
                                                       {"--depth", &options.depth},
                                                       {"--seconds", &options.seconds},
                                                       {"--warm", &options.warm_seconds},
                                                       {"--keys", &options.keys},
                                                       {"--value", &options.value_bytes}};
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) fail(flag + " wants a value");
    if (flag == "--server") {
      options.server = argv[i + 1];
    } else if (flag == "--op") {
      options.op = argv[i + 1];
    } else if (const auto it = numbers.find(flag); it != numbers.end()) {
      *it->second = number(flag, argv[i + 1]);
    } else {
      fail("no such flag: " + flag);
    }
  }
  if (options.op != "set" && options.op != "get" && options.op != "lset" && options.op != "lget") {
    fail("--op is set, get, lset or lget, not \"" + options.op + "\"");
  }
  return options;
}

int connect_to(const std::string& server) {
  const std::size_t colon = server.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, server.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    fail("--server wants an IPv4 address and a port, not \"" + server + "\"");
  }
  address.sin_port =
      htons(static_cast<std::uint16_t>(number("--server", server.substr(colon + 1))));
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot connect to " + server);
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(socket, F_SETFL, O_NONBLOCK);
  return socket;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        local_(options.op.front() == 'l'),
        requests_({.method = local_ ? std::string_view(options.op).substr(1) : options.op,
                   .consistent = !local_,
                   .value_bytes = options.value_bytes}),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        connections_(options.connections),
        started_(options.connections * options.depth) {}

  // Runs for the given time; what is still outstanding at the end is left to the next call.
  void run(Clock::duration time) {
    latencies_.clear();
    if (!open_) open();
    const auto begin = Clock::now();
    const auto end = begin + time;
    while (Clock::now() < end) poll_once();
    elapsed_ = std::chrono::duration<double>(Clock::now() - begin).count();
  }

  void print() {
    if (latencies_.empty()) fail("no answers");
    std::sort(latencies_.begin(), latencies_.end());
    const auto quantile = [&](double q) {
      const auto last = static_cast<double>(latencies_.size() - 1);
      return latencies_[static_cast<std::size_t>(q * last)] * 1e3;
    };
    std::printf(
        "op=%s connections=%zu depth=%zu ops=%zu errors=%zu ops_s=%.0f p50_ms=%.3f p99_ms=%.3f "
        "max_ms=%.1f\n",
        options_.op.c_str(), options_.connections, options_.depth, latencies_.size(), errors_,
        static_cast<double>(latencies_.size()) / elapsed_, quantile(0.5), quantile(0.99),
        quantile(1));
  }

  [[nodiscard]] std::size_t errors() const { return errors_; }

 private:
  struct Connection {
    int socket = -1;
    std::string in;
    std::string out;
  };

  void open() {
    open_ = true;
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].socket = connect_to(options_.server);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].socket, &event);
    }
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      for (std::size_t k = 0; k < options_.depth; ++k) {
        request(connections_[i], static_cast<std::uint32_t>(i * options_.depth + k));
      }
      flush(connections_[i]);
    }
  }

  // The msgid says which of the outstanding requests it is, on which connection.
  void request(Connection& connection, std::uint32_t msgid) {
    started_[msgid] = Clock::now();
    requests_.append(connection.out, msgid, random_() % options_.keys);
  }

  void poll_once() {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll_, events, 256, 100);
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections_[events[i].data.u64];
      const ssize_t size = ::recv(connection.socket, buffer_.data(), buffer_.size(), 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (size <= 0) fail("the server closed a connection");
      connection.in.append(buffer_.data(), static_cast<std::size_t>(size));
      take_answers(connection);
      flush(connection);
    }
  }

  void take_answers(Connection& connection) {
    std::string_view rest = connection.in;
    const auto now = Clock::now();
    while (const auto answer = take_answer(rest)) {
      if (answer->failed && ++errors_ == 1) {
        std::fprintf(stderr, "first error: %.*s\n", static_cast<int>(answer->bytes.size()),
                     answer->bytes.data());
      }
      latencies_.push_back(std::chrono::duration<double>(now - started_.at(answer->msgid)).count());
      request(connection, answer->msgid);
    }
    connection.in.erase(0, connection.in.size() - rest.size());
  }

  static void flush(Connection& connection) {
    std::string_view rest = connection.out;
    while (!rest.empty()) {
      const ssize_t size = ::send(connection.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (size > 0) rest.remove_prefix(static_cast<std::size_t>(size));
      if (size < 0 && errno != EAGAIN && errno != EINTR) fail("the server closed a connection");
    }
    connection.out.clear();
  }

  const Options options_;
  const bool local_;
  RequestTemplate requests_;
  const int epoll_;
  bool open_ = false;
  std::vector<Connection> connections_;
  std::vector<Clock::time_point> started_;  // by msgid
  std::vector<double> latencies_;           // seconds
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
  std::mt19937_64 random_{1};
  std::size_t errors_ = 0;
  double elapsed_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  const Options options = parse(argc, argv);
  Load load(options);
  load.run(std::chrono::seconds(options.warm_seconds));
  load.run(std::chrono::seconds(options.seconds));
  load.print();
  return load.errors() == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "causeway_load: %s\n", error.what());
  return 1;
}
