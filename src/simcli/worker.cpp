#include "simcli/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.hpp"
#include "simcli/frames.hpp"

namespace causeway::simcli {
namespace {

using Clock = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

void set_memory_limit(std::size_t bytes) {
  if (kSanitized) return;
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes == 0 ? limit.rlim_max : std::min<rlim_t>(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_AS, &limit);
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);  // nobody listens any more
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

Outcome run_here(const sim::Plan& plan, const Simulate& simulate, const Limits& limits,
                 const std::function<void(const std::string&)>& on_line) {
  Outcome outcome{.plan = plan};
  sim::Trace trace;
  trace.on_line = on_line;
  const Clock::time_point begin = Clock::now();
  const auto fail = [&](const char* invariant, std::string detail) {
    outcome.report.failure = {invariant, std::move(detail)};
    outcome.report.trace_hash = trace.hash();
  };
  set_memory_limit(limits.memory_bytes);
  try {
    outcome.report = simulate(plan, trace, sim::Bounds{});
  } catch (const std::bad_alloc&) {
    set_memory_limit(0);
    fail("bound", "more than " + std::to_string(limits.memory_bytes >> 20) + " MB of memory");
  } catch (const std::exception& error) {
    fail("exception", error.what());
  }
  set_memory_limit(0);
  outcome.took = Clock::now() - begin;
  if (outcome.report.failure) outcome.tail = trace.tail();
  return outcome;
}

/// The parent decides when it is over, also where the terminal's Ctrl-C reaches both.
[[noreturn]] void serve(int socket, const Simulate& simulate, const Limits& limits, bool lines) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  std::function<void(const std::string&)> on_line;
  if (lines) {
    // At once, each: the last one before a crash is the one that counts.
    on_line = [socket](const std::string& line) {
      write_all(socket, encode_frame(FrameKind::line, line));
    };
  }
  for (sim::Plan plan; ::recv(socket, &plan, sizeof plan, MSG_WAITALL) == sizeof plan;) {
    const Outcome outcome = run_here(plan, simulate, limits, on_line);
    write_all(socket, encode_frame(FrameKind::report, encode(outcome)));
  }
  ::_exit(0);  // what the parent's buffers held at the fork is the parent's to write
}

}  // namespace

Worker::Worker(const Simulate& simulate, const Limits& limits,
               std::function<void(const std::string&)> on_line)
    : limits_(limits), on_line_(std::move(on_line)) {
  int ends[2];
  CAUSEWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  sigset_t stop;
  sigset_t before;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGINT);
  ::sigaddset(&stop, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &stop, &before);
  pid_ = ::fork();
  CAUSEWAY_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::close(ends[0]);
    serve(ends[1], simulate, limits_, static_cast<bool>(on_line_));
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::close(ends[1]);
  socket_ = ends[0];
}

Worker::~Worker() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (socket_ >= 0) ::close(socket_);
}

bool Worker::start(const sim::Plan& plan) {
  static_assert(std::is_trivially_copyable_v<sim::Plan>);
  reported_ = false;
  outcome_ = {.plan = plan};
  deadline_ = Clock::now() + limits_.time;
  ++runs_;
  return ::send(socket_, &plan, sizeof plan, MSG_NOSIGNAL) == sizeof plan;
}

bool Worker::fit() const {
  constexpr std::size_t kRunsMax = 100;  // memory that is in pieces by then is given back
  return pid_ > 0 && reported_ && !outcome_.report.failure && runs_ < kRunsMax;
}

bool Worker::take() {
  char buffer[64 << 10];
  const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
  if (got < 0 && errno == EINTR) return false;
  if (got <= 0) {
    end();
    return true;
  }
  unread_.append(buffer, static_cast<std::size_t>(got));
  take_frames();
  return reported_;
}

void Worker::take_frames() {
  std::string_view rest = unread_;
  FrameKind kind{};
  std::string_view body;
  while (take_frame(rest, kind, body)) {
    if (kind == FrameKind::report) {
      reported_ = decode(body, outcome_);
    } else if (on_line_) {
      on_line_(std::string(body));
    }
  }
  unread_.erase(0, unread_.size() - rest.size());
}

void Worker::end() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    fail("crash", "killed by signal " + std::to_string(signal) + ", " + ::strsignal(signal));
  } else {
    fail("crash", "exited with " + std::to_string(WEXITSTATUS(status)) + " and no report");
  }
}

void Worker::give_up() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  fail("bound", "more than " + std::to_string(limits_.time.count() / 1000) + " s of real time");
}

void Worker::fail(std::string invariant, std::string detail) {
  outcome_.report = {};
  outcome_.report.failure = {std::move(invariant), std::move(detail)};
}

}  // namespace causeway::simcli
