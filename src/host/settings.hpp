// From what the caller asked for and what the data directory remembers to who this node is.
//
// Every value is checked here, once, before anything is touched: an option that cannot work gives
// one line that names it and the way out. The rules of a later start (interface page): the same
// cluster may be given again and its addresses are taken over; another id or other voters mean that
// somebody has mixed up two directories, and are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/metadata.hpp"
#include <causeway/node.hpp>
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::host {

/// Where to listen when nobody says.
inline constexpr std::string_view kListenDefault = "127.0.0.1:7400";

/// Names, addresses, durations and limits, each for itself.
/// errors  invalid: which one, what it may be
[[nodiscard]] Result<void> check_options(const NodeOptions& options);

/// Who this node is from now on. `known` is what the directory remembers; empty on a first start.
/// origin     for a first start
/// host_name  the machine's, for a first start without an id
/// errors     invalid: contradicts the directory, or a first start that does not name this node
[[nodiscard]] Result<wire::Identity> resolve_identity(const NodeOptions& options,
                                                      const std::optional<wire::Identity>& known,
                                                      Origin origin, std::string_view host_name);

/// The address by which others reach this node.
[[nodiscard]] const std::string& advertised(const wire::Identity& identity);

/// Why others may not find this node, in a line for the log; empty: nothing speaks for that. No
/// error: a proxy makes it right.
[[nodiscard]] std::string doubt_about_address(const wire::Identity& identity);

/// As the system has it; empty when it has none.
[[nodiscard]] std::string machine_name();

}  // namespace causeway::host
