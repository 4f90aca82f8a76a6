#include "host/system_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace causeway::host {

Error system_error(std::string_view what, std::string_view name, int number) {
  // generic_category's message is strerror's text without its shared buffer: safe from any thread.
  const std::string reason = std::generic_category().message(number);
  Error error{Errc::io, "cannot " + std::string(what) + " " + std::string(name) + ": " + reason};
  // EFBIG: RLIMIT_FSIZE, or the file system's own limit; for the caller the same as a full disk.
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) error.code = Errc::disk_full;
  return error;
}

}  // namespace causeway::host
