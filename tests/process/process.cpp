#include "process.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sched.h>

extern char** environ;

namespace causeway::test {
namespace {

// What execve wants; made before fork, since a child of a program with threads may not allocate.
class StringTable {
 public:
  explicit StringTable(std::vector<std::string> strings) : strings_(std::move(strings)) {
    for (std::string& string : strings_) pointers_.push_back(string.data());
    pointers_.push_back(nullptr);
  }
  [[nodiscard]] char* const* data() const { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!more.contains(text.substr(0, text.find('=')))) result.push_back(text);
  }
  for (const auto& [name, value] : more) result.push_back(name + "=" + value);
  return result;
}

// In the child. Nothing here may allocate or lock.
void redirect(const char* path, int flags, int to) {
  const int file = ::open(path, flags, 0644);
  if (file < 0 || ::dup2(file, to) < 0) ::_exit(126);
  ::close(file);
}

// In the child. Best effort: it needs root.
void take_own_shared_memory() {
  if (::unshare(CLONE_NEWNS) != 0) return;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  ::mount("none", "/dev/shm", "tmpfs", 0, nullptr);
}

}  // namespace

Process::Process(const Launch& launch) {
  const StringTable arguments(launch.arguments);
  const StringTable environment(environment_with(launch.environment));
  const std::string output = launch.output_file.empty() ? "/dev/null" : launch.output_file;
  const std::string error = launch.error_file.empty() ? "/dev/null" : launch.error_file;
  const pid_t parent = ::getpid();
  // fork, not posix_spawn: that one cannot set a signal for the parent's death.
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(125);  // it died in between
    ::setpgid(0, 0);
    redirect(launch.input_file.c_str(), O_RDONLY, STDIN_FILENO);
    redirect(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO);
    redirect(error.c_str(), O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
    if (launch.network_namespace && ::setns(*launch.network_namespace, CLONE_NEWNET) != 0) {
      ::_exit(126);
    }
    if (launch.own_shared_memory) take_own_shared_memory();
    if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0) ::_exit(126);
    ::execve(arguments.data()[0], arguments.data(), environment.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (ended_) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // it may not have its own group yet
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

void Process::signal(int number) const {
  if (!ended_) ::kill(pid_, number);
}

bool Process::running() {
  if (ended_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return false;
}

std::optional<ExitCode> Process::wait(std::chrono::milliseconds guard) {
  if (!eventually([&] { return !running(); }, guard)) return std::nullopt;
  return ended_;
}

CommandResult run(const std::vector<std::string>& arguments, const CommandOptions& options) {
  const TemporaryDirectory files;
  Launch launch{.arguments = arguments,
                .environment = options.environment,
                .output_file = files / "out",
                .error_file = files / "err",
                .directory = options.directory,
                .network_namespace = options.network_namespace};
  if (!options.input.empty()) {
    launch.input_file = files / "in";
    std::ofstream(launch.input_file, std::ios::binary) << options.input;
  }
  Process process(launch);
  auto code = process.wait(options.guard);
  if (!code) {
    process.signal(SIGKILL);
    code = process.wait();
  }
  return {.code = code.value_or(-SIGKILL),
          .out = read_file(launch.output_file),
          .err = read_file(launch.error_file)};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TemporaryDirectory::TemporaryDirectory()
    : path_((std::filesystem::temp_directory_path() / "causeway-test-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!kept_) std::filesystem::remove_all(path_, ignored);
}

}  // namespace causeway::test
