#include "interaction/script.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

namespace causeway::testing {
namespace {

constexpr const char* kDashes = "----";

std::string without_spaces_around(const std::string& text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") + 1 - from);
}

Block block_of(const std::vector<std::string>& lines, std::size_t line) {
  Block block{.line = line};
  const auto dashes = std::find(lines.begin(), lines.end(), kDashes);
  block.text.assign(lines.begin(), dashes);
  block.comment = dashes == lines.end() &&
                  std::all_of(lines.begin(), lines.end(),
                              [](const std::string& each) { return each.starts_with('#'); });
  if (dashes != lines.end()) block.expected.assign(dashes + 1, lines.end());
  return block;
}

Command parse(const std::string& text) {
  Command command{.text = text, .name = {}, .words = {}, .options = {}};
  std::istringstream words(text);
  words >> command.name;
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      command.words.push_back(word);
    } else {
      command.options.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  return command;
}

}  // namespace

Script read_script(const std::string& path) {
  std::ifstream file(path);
  if (!file) FAIL(path, " cannot be read");
  Script script{.path = path, .blocks = {}};
  std::vector<std::string> lines;
  std::size_t number = 0;
  const auto end_block = [&] {
    if (!lines.empty()) script.blocks.push_back(block_of(lines, number - lines.size()));
    lines.clear();
  };
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) {
      end_block();
    } else {
      lines.push_back(line);
    }
  }
  ++number;
  end_block();
  return script;
}

std::string text_of(const Script& script, const std::vector<std::vector<std::string>>& answers) {
  std::string text;
  for (std::size_t i = 0; i < script.blocks.size(); ++i) {
    const Block& block = script.blocks[i];
    if (i != 0) text += '\n';
    for (const std::string& line : block.text) text += line + '\n';
    if (block.comment) continue;
    text += std::string(kDashes) + '\n';
    for (const std::string& line : answers.at(i)) text += line + '\n';
  }
  return text;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) FAIL(path, " cannot be written");
}

std::string Command::option(const std::string& wanted, std::string otherwise) const {
  for (const auto& [key, value] : options) {
    if (key == wanted) return value;
  }
  return otherwise;
}

bool Command::has(const std::string& wanted) const {
  return std::any_of(options.begin(), options.end(),
                     [&](const auto& option) { return option.first == wanted; });
}

std::vector<Command> commands_of(const Block& block) {
  std::vector<Command> commands;
  for (const std::string& line : block.text) {
    std::istringstream parts(line.substr(0, line.find('#')));
    for (std::string part; std::getline(parts, part, ';');) {
      const std::string text = without_spaces_around(part);
      if (!text.empty()) commands.push_back(parse(text));
    }
  }
  return commands;
}

// The longest common subsequence by the textbook table; answers have some dozens of lines.
std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& got) {
  const std::size_t n = expected.size();
  const std::size_t m = got.size();
  std::vector<std::vector<std::size_t>> common(n + 1, std::vector<std::size_t>(m + 1, 0));
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = m; j-- > 0;) {
      common[i][j] = expected[i] == got[j] ? common[i + 1][j + 1] + 1
                                           : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string text;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && expected[i] == got[j]) {
      text += "  " + got[j++] + '\n';
      ++i;
    } else if (j == m || (i < n && common[i + 1][j] >= common[i][j + 1])) {
      text += "- " + expected[i++] + '\n';
    } else {
      text += "+ " + got[j++] + '\n';
    }
  }
  return text;
}

}  // namespace causeway::testing
