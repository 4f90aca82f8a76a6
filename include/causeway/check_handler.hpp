// What happens when Causeway finds a programmer's error in itself.
//
//     causeway::set_check_handler([](const char* condition, const char* file, int line) {
//       my_log(condition, file, line);
//       std::abort();
//     });
#pragma once

namespace causeway {

/// Called with the failed condition, on any thread; must not return.
/// The default prints it and aborts.
using CheckHandler = void (*)(const char* condition, const char* file, int line);

/// Installs a handler for the whole process; nullptr: the default again.
/// returns  the handler before
/// thread   any
CheckHandler set_check_handler(CheckHandler handler);

}  // namespace causeway
