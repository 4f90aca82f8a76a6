// Operating errors as values: one type for the whole project.
//
// Outcomes of operations (timeout, in doubt, mismatch, superseded) are data in `Response`, not
// errors. What stands here is for calls that could not be carried out at all. Only this file names
// Boost.Outcome, so that `std::expected` can take its place in one edit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/base.hpp>
#include <boost/outcome/try.hpp>

namespace causeway {

/// What a caller can do about it; the same list as the RPC's error codes (docs/formats.md). Numbers
/// are never reused.
enum class Errc : std::uint16_t {
  invalid = 1,          ///< the request is malformed: fix the call
  too_large = 2,        ///< key, value or frame over its limit: fix the call
  exhausted = 3,        ///< a limit is reached, nothing was done: retry later
  unavailable = 4,      ///< this node cannot serve that at all: try another node
  in_doubt = 5,         ///< may or may not have happened: ask `outcome`
  session_expired = 6,  ///< the session is unknown
  no_data = 7,          ///< this node has never held data: it cannot say "absent"
  not_reached = 8,      ///< the node is behind the caller's context
  corrupt = 9,          ///< bytes from a disk or a peer failed their check
  compacted = 10,       ///< that revision is no longer held
  journal_full = 11,    ///< the journal is at its limit, nothing was done
  disk_full = 12,       ///< the disk is full, nothing was done
  unauthorized = 13,    ///< identity or permission is missing
  io = 14,  ///< the operating system refused: the detail names what and why (never sent over RPC)
};

/// The code's name as the RPC and `--json` write it.
[[nodiscard]] std::string_view name_of(Errc code);

/// `code` for programs, `detail` for people: it names the thing (file, length, peer) and the way
/// out. Never compared.
struct Error {
  Errc code = Errc::invalid;
  std::string detail;
};

/// Says which error nobody looked at, on standard error, and aborts.
[[noreturn]] void value_of_error(const Error& error);
/// The same for the error of a result that holds a value.
[[noreturn]] void error_of_value();

/// What `value()` does where there is an error: the program is wrong, and ends, but says why.
struct AbortSaying : boost::outcome_v2::policy::base {
  template <class Impl>
  static constexpr void wide_value_check(Impl&& self) {
    if (!base::_has_value(self)) value_of_error(base::_error(self));
  }
  template <class Impl>
  static constexpr void wide_error_check(Impl&& self) {
    if (!base::_has_error(self)) error_of_value();
  }
  template <class Impl>
  static constexpr void wide_exception_check(Impl&& /*self*/) {
    error_of_value();  // a basic_result never holds one
  }
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, AbortSaying>;

using boost::outcome_v2::success;

}  // namespace causeway

#define CAUSEWAY_TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)
