// What systemd hears, without systemd: a datagram on the socket that NOTIFY_SOCKET names.
#include "daemon/notify.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

using causeway::daemon::notify_supervisor;

namespace {

/// A supervisor's socket. A name that begins with @ is in the abstract namespace, as systemd uses
/// it.
class Supervisor {
 public:
  explicit Supervisor(const std::string& name) : name_(name) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Supervisor() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
    ::unlink(name_.c_str());
  }
  std::string heard() const {
    char text[64];
    const ssize_t size = ::recv(fd_, text, sizeof text, MSG_DONTWAIT);
    return {text, size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

 private:
  std::string name_;
  int fd_ = -1;
};

}  // namespace

TEST_CASE("a supervisor hears the word, by a path or by an abstract name") {
  const std::string unique = "causeway-notify-" + std::to_string(::getpid());
  for (const std::string& name : {"/tmp/" + unique, "@" + unique}) {
    CAPTURE(name);
    const Supervisor supervisor(name);
    notify_supervisor("READY=1");
    CHECK(supervisor.heard() == "READY=1");
    CHECK(supervisor.heard().empty());
  }
}

TEST_CASE("without a supervisor, or with an impossible one, nothing happens") {
  ::unsetenv("NOTIFY_SOCKET");
  notify_supervisor("READY=1");
  for (const std::string& name :
       {std::string(), std::string(200, 'x'), std::string("/nowhere/at/all")}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    notify_supervisor("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
}
