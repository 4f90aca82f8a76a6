#include "host/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include <unistd.h>

namespace causeway::host {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kVotersMax = 7;
constexpr std::uint64_t kJournalLimitMin = std::uint64_t{64} << 10;
constexpr milliseconds kElectionTimeoutMin{10};
constexpr milliseconds kElectionTimeoutMax = std::chrono::hours(1);
constexpr std::array<std::string_view, 6> kLogLevels = {"trace", "debug", "info",
                                                        "warn",  "error", "off"};

Error invalid(std::string text) { return {Errc::invalid, std::move(text)}; }

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_id(std::string_view id) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), allowed);
}

Result<void> check_id(std::string_view what, std::string_view id) {
  if (is_id(id)) return success();
  return invalid(std::string(what) + " " + in_quotes(id) + ": use 1 to 64 of a-z 0-9 . _ -");
}

Result<void> check_address(std::string_view what, std::string_view address, unsigned port_min) {
  const std::size_t colon = address.rfind(':');
  const std::string problem = std::string(what) + " " + in_quotes(address);
  if (colon == std::string_view::npos || colon == 0) {
    return invalid(problem + ": must be HOST:PORT, as in " + std::string(kListenDefault));
  }
  const std::string_view host = address.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[] \t,=/") != std::string_view::npos) {
    return invalid(problem +
                   ": must be HOST:PORT; an IPv6 address stands in brackets, as in [::1]:7400");
  }
  const std::string_view digits = address.substr(colon + 1);
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || port > 65535 ||
      port < port_min) {
    return invalid(problem + ": the port must be a number from " + std::to_string(port_min) +
                   " to 65535");
  }
  return success();
}

Result<void> check_cluster(const std::map<std::string, std::string>& cluster) {
  if (cluster.size() > kVotersMax) {
    return invalid("cluster: names " + std::to_string(cluster.size()) +
                   " voters: at most 7 are possible; take an odd number, 3 or 5");
  }
  for (const auto& [id, address] : cluster) {
    CAUSEWAY_TRY(check_id("cluster: id", id));
    CAUSEWAY_TRY(check_address("cluster: address of " + id, address, 1));
    for (const auto& [other, same] : cluster) {
      if (other < id && same == address) {
        return invalid("cluster: " + other + " and " + id + " have the same address " + address +
                       ": give each its own");
      }
    }
  }
  return success();
}

Result<void> check_timing(const NodeOptions& options) {
  const milliseconds election = options.election_timeout;
  const milliseconds heartbeat = options.heartbeat_interval;
  const auto text = [](milliseconds d) { return std::to_string(d.count()) + "ms"; };
  if (election < kElectionTimeoutMin || election > kElectionTimeoutMax) {
    return invalid("election timeout " + text(election) + ": must be 10ms to 1h");
  }
  if (heartbeat < milliseconds(1) || heartbeat > election / 2) {
    return invalid("heartbeat interval " + text(heartbeat) + ": must be 1ms to half of the " +
                   "election timeout, which is " + text(election));
  }
  return success();
}

Result<void> check_limits(const NodeOptions& options) {
  const NodeOptions defaults;
  if (options.journal_limit < kJournalLimitMin) {
    return invalid("journal limit " + std::to_string(options.journal_limit) +
                   ": must be at least 65536 bytes (64KiB)");
  }
  if (options.key_bytes_max < 1 || options.key_bytes_max > defaults.key_bytes_max) {
    return invalid("key limit " + std::to_string(options.key_bytes_max) +
                   ": must be 1 to 1024 bytes");
  }
  if (options.value_bytes_max < 1 || options.value_bytes_max > defaults.value_bytes_max) {
    return invalid("value limit " + std::to_string(options.value_bytes_max) +
                   ": must be 1 to 1048576 bytes (1MiB)");
  }
  return success();
}

std::string names_of(const std::map<std::string, std::string>& cluster) {
  std::string names;
  for (const auto& [id, address] : cluster) names += (names.empty() ? "" : ",") + id;
  return names;
}

bool same_names(const std::map<std::string, std::string>& a,
                const std::map<std::string, std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first; });
}

Result<wire::Identity> first_identity(const NodeOptions& options, Origin origin,
                                      std::string_view host_name) {
  wire::Identity identity;
  identity.origin = origin;
  identity.name = options.id;
  if (identity.name.empty()) {
    for (const char c : host_name) {
      identity.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (!is_id(identity.name)) {
      return invalid("id: this machine's name " + in_quotes(host_name) +
                     " cannot be one: give an id of 1 to 64 of a-z 0-9 . _ -");
    }
  }
  identity.listen = options.listen.empty() ? std::string(kListenDefault) : options.listen;
  identity.advertise = options.advertise;
  identity.cluster = options.cluster;
  if (identity.cluster.empty()) {
    identity.cluster[identity.name] = advertised(identity);
  } else if (!identity.cluster.contains(identity.name)) {
    return invalid("cluster: " + names_of(identity.cluster) + " does not name this node, " +
                   in_quotes(identity.name) + ": give this node's id, or add " + identity.name +
                   "=HOST:PORT to the cluster");
  }
  if (!identity.advertise.empty()) identity.cluster[identity.name] = identity.advertise;
  return identity;
}

}  // namespace

Result<void> check_options(const NodeOptions& options) {
  if (!options.id.empty()) {
    CAUSEWAY_TRY(check_id("id", options.id));
  }
  if (!options.listen.empty()) {
    CAUSEWAY_TRY(check_address("listen address", options.listen, 0));
  }
  if (!options.advertise.empty()) {
    CAUSEWAY_TRY(check_address("advertised address", options.advertise, 1));
  }
  if (options.data_dir.empty()) return invalid("data directory: the name is empty: give one");
  CAUSEWAY_TRY(check_cluster(options.cluster));
  CAUSEWAY_TRY(check_timing(options));
  CAUSEWAY_TRY(check_limits(options));
  if (std::find(kLogLevels.begin(), kLogLevels.end(), options.log_level) == kLogLevels.end()) {
    return invalid("log level " + in_quotes(options.log_level) +
                   ": must be trace, debug, info, warn, error or off");
  }
  return success();
}

Result<wire::Identity> resolve_identity(const NodeOptions& options,
                                        const std::optional<wire::Identity>& known, Origin origin,
                                        std::string_view host_name) {
  if (!known) return first_identity(options, origin, host_name);

  wire::Identity identity = *known;
  if (!options.id.empty() && options.id != identity.name) {
    return invalid("id " + in_quotes(options.id) + ": data directory " + options.data_dir +
                   " belongs to node " + in_quotes(identity.name) +
                   ": leave the id out, or choose another directory");
  }
  if (!options.cluster.empty()) {
    if (!same_names(options.cluster, identity.cluster)) {
      return invalid("cluster: data directory " + options.data_dir + " belongs to a cluster of " +
                     names_of(identity.cluster) + ", not of " + names_of(options.cluster) +
                     ": leave the cluster out, or choose another directory");
    }
    identity.cluster = options.cluster;
  }
  if (!options.listen.empty()) identity.listen = options.listen;
  if (!options.advertise.empty()) identity.advertise = options.advertise;
  // A node that has moved says so; where it has not, the cluster's word stands (it may name a
  // proxy).
  const bool moved = advertised(identity) != advertised(*known);
  if (!options.advertise.empty() || (moved && options.cluster.empty())) {
    identity.cluster[identity.name] = advertised(identity);
  }
  return identity;
}

std::string doubt_about_address(const wire::Identity& identity) {
  const auto port_of = [](std::string_view address) {
    return address.substr(address.rfind(':') + 1);
  };
  const auto known = identity.cluster.find(identity.name);
  if (!identity.advertise.empty() || known == identity.cluster.end()) return {};
  const std::string_view listens = port_of(identity.listen);
  if (listens == "0" || listens == port_of(known->second)) return {};
  return "this node listens at " + identity.listen + ", and --cluster sends the others to " +
         known->second + ": unless a proxy stands there, give --listen that port";
}

const std::string& advertised(const wire::Identity& identity) {
  return identity.advertise.empty() ? identity.listen : identity.advertise;
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace causeway::host
