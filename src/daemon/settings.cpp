#include "daemon/settings.hpp"

#include <cstdlib>

#include "daemon/quantity.hpp"

namespace causeway::daemon {
namespace {

/// `n1=HOST:PORT,n2=HOST:PORT`
Result<void> apply_cluster(NodeOptions& options, std::string_view text) {
  options.cluster.clear();
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view member = text.substr(at, comma - at);
    at = comma + 1;
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) {
      return Error{Errc::invalid, "\"" + std::string(member) +
                                      "\" is no member: write ID=HOST:PORT, one after the other "
                                      "with commas between"};
    }
    const std::string id(member.substr(0, equals));
    const bool added = options.cluster.emplace(id, std::string(member.substr(equals + 1))).second;
    if (!added) return Error{Errc::invalid, "names " + id + " twice: each id stands there once"};
  }
  return success();
}

template <std::string NodeOptions::*member>
Result<void> apply_text(NodeOptions& options, std::string_view text) {
  if (text.empty()) return Error{Errc::invalid, "is empty: give a value, or leave it out"};
  options.*member = text;
  return success();
}

template <std::chrono::milliseconds NodeOptions::*member>
Result<void> apply_duration(NodeOptions& options, std::string_view text) {
  CAUSEWAY_TRY(duration, parse_duration(text));
  options.*member = duration;
  return success();
}

template <auto member>
Result<void> apply_size(NodeOptions& options, std::string_view text) {
  CAUSEWAY_TRY(bytes, parse_size(text));
  options.*member = bytes;
  return success();
}

constexpr std::array<Setting, kSettingCount> kSettings = {{
    {"id", "ID", "who this node is, of a-z 0-9 . _ - (default: the host's name in lower case)",
     apply_text<&NodeOptions::id>},
    {"listen", "HOST:PORT",
     "the one port for peers and clients; port 0 picks one (default: 127.0.0.1:7400)",
     apply_text<&NodeOptions::listen>},
    {"advertise", "HOST:PORT", "the address that others use, where it differs",
     apply_text<&NodeOptions::advertise>},
    {"data-dir", "DIR",
     "where everything is kept, one running node each (default: ./causeway-data)",
     apply_text<&NodeOptions::data_dir>},
    {"cluster", "ID=HOST:PORT,...",
     "first start of a new cluster: its voters, the same ids on each (default: this node alone)",
     apply_cluster},
    {"election-timeout", "DURATION",
     "silence after which a new leader is sought, 10ms to 1h (default: 1000ms)",
     apply_duration<&NodeOptions::election_timeout>},
    {"heartbeat-interval", "DURATION",
     "how often a leader says that it is there, up to half of that (default: 100ms)",
     apply_duration<&NodeOptions::heartbeat_interval>},
    {"journal-limit", "SIZE",
     "disk for offline writes that are not settled yet, from 64KB (default: 256MB)",
     apply_size<&NodeOptions::journal_limit>, true},
    {"key-limit", "SIZE", "longest key that is taken, up to 1KB (default: 1KB)",
     apply_size<&NodeOptions::key_bytes_max>, true},
    {"value-limit", "SIZE", "largest value that is taken, up to 1MB (default: 1MB)",
     apply_size<&NodeOptions::value_bytes_max>, true},
    {"log-level", "LEVEL", "trace, debug, info, warn, error or off (default: info)",
     apply_text<&NodeOptions::log_level>},
}};

/// Of settings that are planned: who sets one must not believe that it works.
constexpr std::array<const char*, 3> kNotYet = {"CAUSEWAY_JOIN", "CAUSEWAY_ROLE",
                                                "CAUSEWAY_MEMORY_LIMIT"};

}  // namespace

const std::array<Setting, kSettingCount>& settings() { return kSettings; }

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : kSettings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string environment_name(std::string_view setting) {
  std::string name = "CAUSEWAY_";
  for (const char c : setting) name += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
  return name;
}

Result<Values> from_environment() {
  Values values;
  for (const char* const name : kNotYet) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return Error{Errc::invalid,
                 std::string(name) + ": unknown setting: kvd --help lists what there is"};
  }
  for (const Setting& setting : kSettings) {
    const char* const value = std::getenv(environment_name(setting.name).c_str());
    if (value != nullptr && *value != '\0') values.emplace(setting.name, value);
  }
  return values;
}

Result<void> apply(NodeOptions& options, const Setting& setting, std::string_view value,
                   std::string_view source) {
  Result<void> applied = setting.apply(options, value);
  if (applied) return success();
  return Error{applied.error().code, std::string(source) + ": " + applied.error().detail};
}

}  // namespace causeway::daemon
