// Scripts that are their own expectation (as in CockroachDB's datadriven tests): commands, a line
// of dashes, the narrated answer.
//
// Blocks are divided by empty lines; a paragraph without dashes whose lines begin with '#' is a
// comment and stays as it is. With CAUSEWAY_REWRITE=1 the answers in the source tree are replaced
// by what was narrated, and the diff is reviewed like code.
#pragma once

#include <string>
#include <vector>

namespace causeway::testing {

struct Block {
  std::size_t line = 0;               ///< of the first command, from 1
  bool comment = false;               ///< `text` alone counts
  std::vector<std::string> text;      ///< comment, or commands as written
  std::vector<std::string> expected;  ///< lines below the dashes
};

struct Script {
  std::string path;
  std::vector<Block> blocks;
};

/// Errors in the form of the file fail the test.
[[nodiscard]] Script read_script(const std::string& path);
/// The file's text with these answers, one for each block (comments have empty ones).
[[nodiscard]] std::string text_of(const Script& script,
                                  const std::vector<std::vector<std::string>>& answers);
void write_file(const std::string& path, const std::string& text);

/// One command: `set node=3 key=door value=open` has the name `set`; words without '=' are `words`.
struct Command {
  std::string text;
  std::string name;
  std::vector<std::string> words;
  std::vector<std::pair<std::string, std::string>> options;

  /// The value of an option, or `otherwise`.
  [[nodiscard]] std::string option(const std::string& name, std::string otherwise = {}) const;
  [[nodiscard]] bool has(const std::string& name) const;
};
/// The commands of a block: a line may hold several, divided by ';'. What follows '#' is a comment.
[[nodiscard]] std::vector<Command> commands_of(const Block& block);

/// What must change to come from `expected` to `got`: lines with '-', '+' or ' ' in front.
[[nodiscard]] std::string difference(const std::vector<std::string>& expected,
                                     const std::vector<std::string>& got);

}  // namespace causeway::testing
