// Which options a node takes, and who it is by them and by its directory.
#include "host/settings.hpp"

#include <functional>
#include <string>

#include <doctest/doctest.h>

using namespace causeway;
using std::chrono::milliseconds;

namespace {

using Change = std::function<void(NodeOptions&)>;

NodeOptions options_with(const Change& change) {
  NodeOptions options;
  change(options);
  return options;
}

wire::Identity known() {
  wire::Identity identity;
  identity.name = "n1";
  identity.origin = {7};
  identity.listen = "127.0.0.1:7401";
  identity.cluster = {{"n1", "127.0.0.1:7401"}, {"n2", "127.0.0.1:7402"}};
  return identity;
}

}  // namespace

TEST_CASE("an option is taken, or refused by one line that names it") {
  struct Row {
    const char* why;
    Change change;
    const char* named;  // empty: taken
  };
  const Row rows[] = {
      {"the defaults", [](NodeOptions&) {}, ""},
      {"an id of all that is allowed", [](NodeOptions& o) { o.id = "a-z.0_9"; }, ""},
      {"64 characters", [](NodeOptions& o) { o.id = std::string(64, 'a'); }, ""},
      {"65 characters", [](NodeOptions& o) { o.id = std::string(65, 'a'); }, "id"},
      {"a capital", [](NodeOptions& o) { o.id = "N1"; }, "\"N1\""},
      {"a space", [](NodeOptions& o) { o.id = "n 1"; }, "\"n 1\""},
      {"port 0 to listen on", [](NodeOptions& o) { o.listen = "127.0.0.1:0"; }, ""},
      {"a name to listen on", [](NodeOptions& o) { o.listen = "localhost:7400"; }, ""},
      {"an IPv6 address", [](NodeOptions& o) { o.listen = "[::1]:7400"; }, ""},
      {"an IPv6 address without brackets", [](NodeOptions& o) { o.listen = "::1:7400"; },
       "::1:7400"},
      {"no port", [](NodeOptions& o) { o.listen = "127.0.0.1"; }, "listen"},
      {"an empty port", [](NodeOptions& o) { o.listen = "127.0.0.1:"; }, "listen"},
      {"a port that is too large", [](NodeOptions& o) { o.listen = "h:65536"; }, "h:65536"},
      {"no host", [](NodeOptions& o) { o.listen = ":7400"; }, ":7400"},
      {"port 0 for others to use", [](NodeOptions& o) { o.advertise = "h:0"; }, "advertise"},
      {"no directory", [](NodeOptions& o) { o.data_dir = ""; }, "data directory"},
      {"a wrong id in the cluster",
       [](NodeOptions& o) {
         o.cluster = {{"N1", "h:1"}};
       },
       "N1"},
      {"a wrong address in the cluster",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h"}};
       },
       "n1"},
      {"port 0 in the cluster",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h:0"}};
       },
       "h:0"},
      {"an address twice",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h:1"}, {"n2", "h:1"}};
       },
       "h:1"},
      {"eight voters",
       [](NodeOptions& o) {
         for (int i = 1; i <= 8; ++i) {
           o.cluster["n" + std::to_string(i)] = "h:" + std::to_string(i);
         }
       },
       "8"},
      {"the shortest election timeout",
       [](NodeOptions& o) {
         o.election_timeout = milliseconds(10);
         o.heartbeat_interval = milliseconds(5);
       },
       ""},
      {"a shorter one", [](NodeOptions& o) { o.election_timeout = milliseconds(9); }, "election"},
      {"a longer one than an hour",
       [](NodeOptions& o) { o.election_timeout = milliseconds(3'600'001); }, "election"},
      {"a heartbeat of more than half of it",
       [](NodeOptions& o) { o.heartbeat_interval = milliseconds(501); }, "heartbeat"},
      {"no heartbeat", [](NodeOptions& o) { o.heartbeat_interval = milliseconds(0); }, "heartbeat"},
      {"the smallest journal", [](NodeOptions& o) { o.journal_limit = 65536; }, ""},
      {"a smaller one", [](NodeOptions& o) { o.journal_limit = 65535; }, "journal"},
      {"smaller limits", [](NodeOptions& o) { o.key_bytes_max = o.value_bytes_max = 1; }, ""},
      {"no keys", [](NodeOptions& o) { o.key_bytes_max = 0; }, "key"},
      {"longer keys", [](NodeOptions& o) { o.key_bytes_max = 1025; }, "key"},
      {"no values", [](NodeOptions& o) { o.value_bytes_max = 0; }, "value"},
      {"larger values", [](NodeOptions& o) { o.value_bytes_max = (1 << 20) + 1; }, "value"},
      {"silence", [](NodeOptions& o) { o.log_level = "off"; }, ""},
      {"another level", [](NodeOptions& o) { o.log_level = "loud"; }, "loud"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto checked = host::check_options(options_with(row.change));
    const bool taken = std::string_view(row.named).empty();
    REQUIRE(checked.has_value() == taken);
    if (taken) continue;
    CHECK(checked.error().code == Errc::invalid);
    CHECK(checked.error().detail.find(row.named) != std::string::npos);
    CHECK(checked.error().detail.find('\n') == std::string::npos);
  }
}

TEST_CASE("a first start takes its name from the options or from the machine") {
  NodeOptions options;
  const auto alone = host::resolve_identity(options, {}, {9}, "Kitchen-Pi.local").value();
  CHECK(alone.name == "kitchen-pi.local");
  CHECK(alone.origin == Origin{9});
  CHECK(alone.listen == "127.0.0.1:7400");
  CHECK(alone.cluster ==
        std::map<std::string, std::string>{{"kitchen-pi.local", "127.0.0.1:7400"}});
  CHECK_FALSE(host::resolve_identity(options, {}, {9}, "Küche").has_value());

  options.id = "n1";
  options.listen = "0.0.0.0:7401";
  options.advertise = "10.0.0.1:7401";
  const auto named = host::resolve_identity(options, {}, {9}, "Küche").value();
  CHECK(named.name == "n1");
  CHECK(named.cluster == std::map<std::string, std::string>{{"n1", "10.0.0.1:7401"}});

  options.cluster = {{"n2", "h:1"}, {"n3", "h:2"}};
  CHECK_FALSE(host::resolve_identity(options, {}, {9}, "x").has_value());  // not one of them
}

TEST_CASE("a later start needs nothing, may change addresses, and may not become another node") {
  struct Row {
    const char* why;
    Change change;
    bool taken;
    std::function<void(wire::Identity&)> changed = [](wire::Identity&) {};
  };
  const Row rows[] = {
      {"nothing", [](NodeOptions&) {}, true},
      {"the same again",
       [](NodeOptions& o) {
         o.id = "n1";
         o.cluster = known().cluster;
       },
       true},
      {"another id", [](NodeOptions& o) { o.id = "n2"; }, false},
      {"other addresses of the same voters",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h:1"}, {"n2", "h:2"}};
       },
       true,
       [](wire::Identity& i) {
         i.cluster = {{"n1", "h:1"}, {"n2", "h:2"}};
       }},
      {"one voter more",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h:1"}, {"n2", "h:2"}, {"n3", "h:3"}};
       },
       false},
      {"one voter less",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h:1"}};
       },
       false},
      {"another voter",
       [](NodeOptions& o) {
         o.cluster = {{"n1", "h:1"}, {"n3", "h:2"}};
       },
       false},
      {"another address", [](NodeOptions& o) { o.listen = "0.0.0.0:1"; }, true,
       [](wire::Identity& i) { i.listen = i.cluster["n1"] = "0.0.0.0:1"; }},
      {"another address for others", [](NodeOptions& o) { o.advertise = "h:1"; }, true,
       [](wire::Identity& i) { i.advertise = i.cluster["n1"] = "h:1"; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto resolved = host::resolve_identity(options_with(row.change), known(), {9}, "machine");
    REQUIRE(resolved.has_value() == row.taken);
    if (!row.taken) {
      CHECK(resolved.error().code == Errc::invalid);
      continue;
    }
    wire::Identity want = known();
    row.changed(want);
    CHECK(resolved.value() == want);  // the origin among it
  }
}

TEST_CASE("a cluster that sends others to a port where nobody listens is doubted") {
  const auto doubt = [](const Change& change, wire::Identity identity = known()) {
    NodeOptions options;
    change(options);
    if (!options.listen.empty()) identity.listen = options.listen;
    identity.advertise = options.advertise;
    return host::doubt_about_address(identity);
  };
  CHECK(doubt([](NodeOptions&) {}).empty());
  CHECK(doubt([](NodeOptions& o) { o.listen = "0.0.0.0:7401"; }).empty());
  CHECK(doubt([](NodeOptions& o) { o.listen = "127.0.0.1:0"; }).empty());
  const std::string line = doubt([](NodeOptions& o) { o.listen = "127.0.0.1:7400"; });
  CHECK(line.find("127.0.0.1:7400") != std::string::npos);
  CHECK(line.find("127.0.0.1:7401") != std::string::npos);
  CHECK(line.find("--listen") != std::string::npos);
  CHECK(doubt([](NodeOptions& o) { o.listen = "127.0.0.1:7400", o.advertise = "h:7401"; }).empty());
}
