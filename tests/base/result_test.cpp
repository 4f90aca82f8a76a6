#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <causeway/result.hpp>

using namespace causeway;

namespace {

/// What a process that does this says on standard error, and how it ends.
std::string last_words(void (*deed)(), int& signal) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // the test framework has one of its own
    ::dup2(ends[1], 2);
    deed();
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[256];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return said;
}

}  // namespace

TEST_CASE(
    "a value that is not there ends the program, which says the error that nobody looked at") {
  int signal = 0;
  const std::string said = last_words(
      [] {
        const Result<int> failed = Error{Errc::invalid, "d1: is in use by another running node"};
        static_cast<void>(failed.value());
      },
      signal);
  CHECK(signal == SIGABRT);
  CHECK(said.find("invalid: d1: is in use by another running node\n") != std::string::npos);
}

TEST_CASE("an error that is not there ends the program, too") {
  int signal = 0;
  const std::string said = last_words(
      [] {
        const Result<int> fine = 1;
        static_cast<void>(fine.error());
      },
      signal);
  CHECK(signal == SIGABRT);
  CHECK_FALSE(said.empty());
}
