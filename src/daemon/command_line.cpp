#include "daemon/command_line.hpp"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "daemon/config_file.hpp"
#include "daemon/settings.hpp"

namespace causeway::daemon {
namespace {

constexpr const char* kAbout =
    "A node of the Causeway key-value store. Without flags: a cluster of one in ./causeway-data on "
    "127.0.0.1:7400.\nA later start needs nothing but --data-dir. Each setting may also stand in "
    "the environment (CAUSEWAY_DATA_DIR for\n--data-dir) and in the file of --config; flags beat "
    "the environment, which beats the file.";

constexpr const char* kConfigVariable = "CAUSEWAY_CONFIG";

Error invalid(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return {Errc::invalid, std::move(text)};
}

struct Flags {
  Values values;
  std::string config;
};

/// The flags alone, as text.
Result<std::variant<Flags, Text>> parse_flags(int count, const char* const* words) {
  CLI::App app(kAbout, "kvd");
  Flags flags;
  std::array<std::string, kSettingCount> values;
  std::array<CLI::Option*, kSettingCount> given{};
  app.get_formatter()->column_width(38);
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", std::string("kvd ") + CAUSEWAY_VERSION);
  for (std::size_t i = 0; i < kSettingCount; ++i) {
    const Setting& setting = settings()[i];
    given[i] =
        app.add_option("--" + std::string(setting.name), values[i], std::string(setting.help))
            ->type_name(std::string(setting.placeholder));
  }
  CLI::Option* const config =
      app.add_option("--config", flags.config, "settings as keys")->type_name("FILE.toml");
  try {
    app.parse(count, words);
  } catch (const CLI::CallForHelp&) {
    return Text{app.help()};
  } catch (const CLI::CallForVersion&) {
    return Text{std::string("kvd ") + CAUSEWAY_VERSION + "\n"};
  } catch (const CLI::ParseError& error) {
    return invalid(std::string(error.what()) + ": kvd --help lists what there is");
  }
  for (std::size_t i = 0; i < kSettingCount; ++i) {
    if (*given[i]) flags.values.emplace(settings()[i].name, values[i]);
  }
  if (*config && flags.config.empty()) return invalid("--config: is empty: name a file");
  return flags;
}

}  // namespace

Result<std::variant<NodeOptions, Text>> parse_command_line(int count, const char* const* words) {
  CAUSEWAY_TRY(parsed, parse_flags(count, words));
  if (auto* text = std::get_if<Text>(&parsed)) return std::move(*text);
  Flags& flags = std::get<Flags>(parsed);

  if (flags.config.empty()) {
    if (const char* const path = std::getenv(kConfigVariable)) flags.config = path;
  }
  Values file;
  if (!flags.config.empty()) {
    CAUSEWAY_TRY(read, read_config_file(flags.config));
    file = std::move(read);
  }
  CAUSEWAY_TRY(environment, from_environment());

  NodeOptions options;
  for (const Setting& setting : settings()) {
    const std::string name(setting.name);
    const std::string variable = environment_name(setting.name);
    // The strongest source alone: a value that is not used need not be usable.
    struct Source {
      const Values& values;
      std::string label;
    };
    const Source sources[] = {
        {flags.values, "--" + name}, {environment, variable}, {file, flags.config + ": " + name}};
    for (const Source& source : sources) {
      const auto found = source.values.find(name);
      if (found == source.values.end()) continue;
      CAUSEWAY_TRY(apply(options, setting, found->second, source.label));
      break;
    }
  }
  return options;
}

}  // namespace causeway::daemon
