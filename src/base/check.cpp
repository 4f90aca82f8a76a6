#include "base/check.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace causeway {
namespace {

void print_and_abort(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "check failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

std::atomic<CheckHandler> handler{print_and_abort};

}  // namespace

CheckHandler set_check_handler(CheckHandler next) {
  return handler.exchange(next == nullptr ? print_and_abort : next);
}

void check_failed(const char* condition, const char* file, int line) {
  handler.load()(condition, file, line);
  std::abort();
}

}  // namespace causeway
