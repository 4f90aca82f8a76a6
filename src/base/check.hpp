// Checks against programmer errors, on in every build.
//
// A failed check means that the program is wrong, so nothing it would write next can be trusted: it
// stops. Bytes from outside (peer, client, disk) must never reach one of these; they are
// `Errc::corrupt` or `Errc::invalid`.
#pragma once

#include <causeway/check_handler.hpp>

namespace causeway {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace causeway

#define CAUSEWAY_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::causeway::check_failed(#condition, __FILE__, __LINE__))
