#include <cstdio>
#include <cstdlib>

#include "base/check.hpp"
#include <causeway/result.hpp>

namespace causeway {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::too_large: return "too_large";
    case Errc::exhausted: return "exhausted";
    case Errc::unavailable: return "unavailable";
    case Errc::in_doubt: return "in_doubt";
    case Errc::session_expired: return "session_expired";
    case Errc::no_data: return "no_data";
    case Errc::not_reached: return "not_reached";
    case Errc::corrupt: return "corrupt";
    case Errc::compacted: return "compacted";
    case Errc::journal_full: return "journal_full";
    case Errc::disk_full: return "disk_full";
    case Errc::unauthorized: return "unauthorized";
    case Errc::io: return "io";
  }
  CAUSEWAY_CHECK(!"an Errc without a name");
  return {};
}

void value_of_error(const Error& error) {
  const std::string_view name = name_of(error.code);
  std::fprintf(stderr, "causeway: value() of an error that nobody looked at: %.*s: %s\n",
               static_cast<int>(name.size()), name.data(), error.detail.c_str());
  std::abort();
}

void error_of_value() {
  std::fputs("causeway: error() of a result that holds a value\n", stderr);
  std::abort();
}

}  // namespace causeway
