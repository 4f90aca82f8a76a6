// A program that a test starts, and that never outlives the test.
//
// Whatever ends the test (a failed check, a signal, kill -9), its children must go too: each gets
// SIGKILL from the kernel when the thread that started it ends. So only start programs from a
// thread that lives as long as they shall, in practice the test's main thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "waiting.hpp"

namespace causeway::test {

struct Launch {
  std::vector<std::string> arguments;              ///< the program's path first
  std::map<std::string, std::string> environment;  ///< beside what the test itself has
  std::string input_file = "/dev/null";
  std::string output_file;               ///< standard output is appended here
  std::string error_file;                ///< and standard error here
  std::string directory;                 ///< where it runs; empty: where the test runs
  std::optional<int> network_namespace;  ///< an open file of one; empty: the starting thread's
  /// A /dev/shm that goes with it: libfaketime leaves files there after kill -9. Without root it is
  /// the machine's.
  bool own_shared_memory = false;
};

/// How a program ended: its exit code, or minus the signal.
using ExitCode = int;

class Process {
 public:
  explicit Process(const Launch& launch);
  ~Process();  ///< kills it, and its process group
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  [[nodiscard]] bool running();
  /// Empty: it still ran when the guard was reached.
  [[nodiscard]] std::optional<ExitCode> wait(std::chrono::milliseconds guard = kGuard);
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<ExitCode> ended_;
};

struct CommandResult {
  ExitCode code = 0;
  std::string out;
  std::string err;
};

struct CommandOptions {
  std::string input;  ///< its standard input
  std::map<std::string, std::string> environment;
  std::string directory;
  std::optional<int> network_namespace;
  std::chrono::milliseconds guard = kGuard;
};

/// Runs a program to its end. One that does not end is killed, and has the code of that.
[[nodiscard]] CommandResult run(const std::vector<std::string>& arguments,
                                const CommandOptions& options = {});

/// Empty where it cannot be read.
[[nodiscard]] std::string read_file(const std::string& path);

/// A directory of its own, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void keep() { kept_ = true; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  bool kept_ = false;
};

}  // namespace causeway::test
