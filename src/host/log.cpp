#include "host/log.hpp"

#include <string>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace causeway::host {
namespace {

spdlog::level::level_enum level_of(Log::Level level) {
  switch (level) {
    case Log::Level::debug: return spdlog::level::debug;
    case Log::Level::info: return spdlog::level::info;
    case Log::Level::warn: return spdlog::level::warn;
    case Log::Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

struct Log::Impl {
  // Not registered anywhere: an app may use spdlog under names of its own.
  spdlog::logger logger;
};

Log::Log(std::string_view name, std::string_view level)
    : impl_(new Impl{
          spdlog::logger(std::string(name), std::make_shared<spdlog::sinks::stderr_sink_mt>())}) {
  impl_->logger.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %n: %v");
  impl_->logger.set_level(spdlog::level::from_str(std::string(level)));
  impl_->logger.flush_on(spdlog::level::trace);
}

Log::~Log() = default;

void Log::write(Level level, std::string_view text) { impl_->logger.log(level_of(level), text); }

}  // namespace causeway::host
