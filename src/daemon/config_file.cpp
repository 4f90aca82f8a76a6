#include "daemon/config_file.hpp"

#include <exception>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include <toml++/toml.h>

namespace causeway::daemon {
namespace {

Error invalid(const std::string& path, const toml::source_region& where, const std::string& text) {
  return {Errc::invalid, path + ":" + std::to_string(where.begin.line) + ": " + text};
}

/// A table of members as the one line that `--cluster` takes. Empty: a value is not text.
std::optional<std::string> joined(const toml::table& members) {
  std::string text;
  for (const auto& [id, address] : members) {
    const auto value = address.value<std::string>();
    if (!address.is_string() || !value) return std::nullopt;
    text += (text.empty() ? "" : ",") + std::string(id.str()) + "=" + *value;
  }
  return text;
}

std::optional<std::string> text_of(const toml::node& node, const Setting& setting) {
  if (const auto* text = node.as_string()) return text->get();
  const auto* const number = node.as_integer();
  if (number != nullptr && setting.bytes) return std::to_string(number->get());
  return std::nullopt;
}

Result<Values> values_of(const toml::table& file, const std::string& path) {
  Values values;
  for (const auto& [key, node] : file) {
    const std::string name(key.str());
    const Setting* const setting = find_setting(name);
    if (setting == nullptr) {
      return invalid(path, key.source(),
                     "unknown key \"" + name + "\": kvd --help lists what there is");
    }
    const toml::table* const members = name == "cluster" ? node.as_table() : nullptr;
    std::optional<std::string> text =
        members != nullptr ? joined(*members) : text_of(node, *setting);
    if (!text) {
      return invalid(path, node.source(),
                     name + ": must be text in quotes, as on the command line");
    }
    values.emplace(name, std::move(*text));
  }
  return values;
}

}  // namespace

Result<Values> read_config_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  // A directory opens and then fails to read.
  if (!file || !(text << file.rdbuf())) {
    const bool empty = file && file.peek() == std::ifstream::traits_type::eof() && !file.bad();
    if (!empty) {
      return Error{Errc::invalid, "cannot read configuration file " + path +
                                      ": check the name and whether this user may read it"};
    }
  }
  try {
    return values_of(toml::parse(text.str()), path);
  } catch (const toml::parse_error& error) {
    return invalid(path, error.source(), std::string(error.description()));
  }
}

}  // namespace causeway::daemon
