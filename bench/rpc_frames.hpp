// Requests and answers of the load generator, as bytes.
//
// It speaks MessagePack-RPC by hand: what is measured is the server, so the client must cost
// little, and it should be as independent of the server's own code as any client is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace causeway::bench {

/// Requests of one kind: only msgid and key change from one to the next.
class RequestTemplate {
 public:
  struct Options {
    std::string_view method = "set";  ///< set or get
    bool consistent = true;
    std::size_t value_bytes = 256;  ///< of a set
  };

  explicit RequestTemplate(const Options& options) {
    const bool with_value = options.method == "set";
    // [0, msgid, method, [{key, value?, consistent?}]]
    bytes_ = std::string("\x94\x00\xce", 3) + std::string(4, '\0');
    append_text(options.method);
    bytes_ += '\x91';
    bytes_ += static_cast<char>(0x81 + (with_value ? 1 : 0) + (options.consistent ? 0 : 1));
    if (!options.consistent) {
      append_text("consistent");
      bytes_ += '\xc2';
    }
    if (with_value) {
      append_text("value");
      bytes_ += '\xc6';
      append_number(static_cast<std::uint32_t>(options.value_bytes));
      bytes_.append(options.value_bytes, 'v');
    }
    append_text("key");
    bytes_ += '\xc4';
    bytes_ += static_cast<char>(4 + kKeyDigits);
    bytes_ += "key-";
    bytes_.append(kKeyDigits, '0');
  }

  /// `key_number` below 10^12.
  void append(std::string& out, std::uint32_t msgid, std::uint64_t key_number) {
    for (std::size_t i = 0; i < 4; ++i) {
      bytes_[kMsgidAt + i] = static_cast<char>(msgid >> (24 - 8 * i) & 0xff);
    }
    for (std::size_t at = bytes_.size(); at > bytes_.size() - kKeyDigits; key_number /= 10) {
      bytes_[--at] = static_cast<char>('0' + key_number % 10);
    }
    out += bytes_;
  }

 private:
  static constexpr std::size_t kKeyDigits = 12;
  static constexpr std::size_t kMsgidAt = 3;

  void append_text(std::string_view text) {
    bytes_ += static_cast<char>(0xa0 | text.size());
    bytes_ += text;
  }
  void append_number(std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes_ += static_cast<char>(number >> shift & 0xff);
  }

  std::string bytes_;
};

/// Reads MessagePack as far as telling where an object ends takes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t position() const { return at_; }

  /// False: there are not so many bytes.
  bool take(std::size_t size) {
    if (bytes_.size() - at_ < size) return false;
    at_ += size;
    return true;
  }

  /// A big-endian number of that many bytes.
  std::optional<std::uint64_t> number(std::size_t size) {
    const std::size_t begin = at_;
    if (!take(size)) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = begin; i < at_; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes_[i]);
    return value;
  }

  /// Over one whole object; false: it is not complete.
  bool skip() {
    std::uint64_t left = 1;
    while (left > 0) {
      --left;
      const auto head = number(1);
      if (!head || !skip_body(static_cast<unsigned>(*head), left)) return false;
    }
    return true;
  }

 private:
  // Over what follows `head` directly; the elements of lists and maps are added to `left`.
  bool skip_body(unsigned head, std::uint64_t& left) {
    const auto elements = [&](std::optional<std::uint64_t> count, std::uint64_t each) {
      left += count.value_or(0) * each;
      return count.has_value();
    };
    const auto sized = [&](std::size_t width, std::size_t extra) {
      const auto size = number(width);
      return size && take(*size + extra);
    };
    if (head <= 0x7f || head >= 0xe0 || head == 0xc0 || head == 0xc2 || head == 0xc3) return true;
    if (head <= 0x8f) return elements(head & 15u, 2);
    if (head <= 0x9f) return elements(head & 15u, 1);
    if (head <= 0xbf) return take(head & 31u);
    switch (head) {
      case 0xc4:
      case 0xd9: return sized(1, 0);
      case 0xc5:
      case 0xda: return sized(2, 0);
      case 0xc6:
      case 0xdb: return sized(4, 0);
      case 0xcc:
      case 0xd0: return take(1);
      case 0xcd:
      case 0xd1: return take(2);
      case 0xca:
      case 0xce:
      case 0xd2: return take(4);
      case 0xcb:
      case 0xcf:
      case 0xd3: return take(8);
      case 0xdc: return elements(number(2), 1);
      case 0xdd: return elements(number(4), 1);
      case 0xde: return elements(number(2), 2);
      case 0xdf: return elements(number(4), 2);
      default: throw std::runtime_error("the answer holds a byte that no answer holds");
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

struct Answer {
  std::uint32_t msgid = 0;
  bool failed = false;     ///< the error is not nil
  std::string_view bytes;  ///< all of it
};

/// Takes one answer, [1, msgid, error, result], off the front of `buffer`; nothing while it is not
/// complete. Throws std::runtime_error where it is no answer.
inline std::optional<Answer> take_answer(std::string_view& buffer) {
  Reader whole(buffer);
  if (!whole.skip()) return std::nullopt;
  Answer answer{.bytes = buffer.substr(0, whole.position())};
  if (!answer.bytes.starts_with("\x94\x01")) throw std::runtime_error("this is no answer");
  Reader reader(answer.bytes);
  reader.take(2);
  const std::uint64_t head = reader.number(1).value_or(0);
  const std::size_t width = head == 0xcc ? 1 : head == 0xcd ? 2 : head == 0xce ? 4 : 0;
  if (width == 0 && head > 0x7f) throw std::runtime_error("the answer has no msgid");
  answer.msgid = static_cast<std::uint32_t>(width == 0 ? head : reader.number(width).value_or(0));
  answer.failed = reader.number(1) != 0xc0u;
  buffer.remove_prefix(answer.bytes.size());
  return answer;
}

}  // namespace causeway::bench
