// Plays every script beside this file and holds it against its own expectation.
//
// CAUSEWAY_SCRIPT=name plays that one alone; CAUSEWAY_REWRITE=1 writes what was narrated into the
// source tree.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

#include "interaction/player.hpp"
#include "interaction/script.hpp"

using namespace causeway::testing;

namespace {

using Answers = std::vector<std::vector<std::string>>;

std::vector<std::string> script_paths() {
  const char* only = std::getenv("CAUSEWAY_SCRIPT");
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(INTERACTION_DIR)) {
    if (file.path().extension() != ".txt") continue;
    if (only == nullptr || file.path().stem() == only) paths.push_back(file.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Answers play(const Script& script) {
  Player player;
  Answers answers;
  for (const Block& block : script.blocks) {
    INFO(script.path, ":", block.line);
    answers.push_back(block.comment ? std::vector<std::string>{} : player.play(block));
  }
  return answers;
}

}  // namespace

TEST_CASE("every script is answered as it says") {
  const bool rewrite = std::getenv("CAUSEWAY_REWRITE") != nullptr;
  const auto paths = script_paths();
  REQUIRE_FALSE(paths.empty());
  for (const std::string& path : paths) {
    const Script script = read_script(path);
    const Answers answers = play(script);
    if (rewrite) {
      write_file(path, text_of(script, answers));
      continue;
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const Block& block = script.blocks[i];
      if (block.comment || block.expected == answers[i]) continue;
      ADD_FAIL_CHECK_AT(path.c_str(), static_cast<int>(block.line),
                        "the narration differs (CAUSEWAY_REWRITE=1 takes it over):\n"
                            << difference(block.expected, answers[i]));
    }
  }
}

TEST_CASE("a script played twice is narrated in the same words at the same instants") {
  for (const std::string& path : script_paths()) {
    CAPTURE(path);
    const Script script = read_script(path);
    CHECK(play(script) == play(script));
  }
}

TEST_CASE("a difference shows what went and what came") {
  CHECK(difference({"a", "b", "c"}, {"a", "x", "c", "d"}) == "  a\n- b\n+ x\n  c\n+ d\n");
  CHECK(difference({}, {}).empty());
}
