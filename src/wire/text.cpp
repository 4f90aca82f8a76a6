#include "wire/text.hpp"

namespace causeway::wire {

std::string printable(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kCut = "...";
  const bool cut = text.size() > bytes_max;
  if (cut) text = text.substr(0, bytes_max < kCut.size() ? 0 : bytes_max - kCut.size());
  std::string out(text);
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (cut) out += kCut;
  return out;
}

std::string quoted(std::string_view text) { return '"' + printable(text, 40) + '"'; }

std::string listed(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace causeway::wire
