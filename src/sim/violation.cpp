#include "sim/violation.hpp"

#include <causeway/check_handler.hpp>

namespace causeway::sim {
namespace {

CheckHandler handler_before = nullptr;

void fail(const char* condition, const char* file, int line) {
  throw Violation("check", std::string(condition) + " at " + file + ":" + std::to_string(line));
}

}  // namespace

ChecksAreViolations::ChecksAreViolations() { handler_before = set_check_handler(fail); }
ChecksAreViolations::~ChecksAreViolations() { set_check_handler(handler_before); }

}  // namespace causeway::sim
