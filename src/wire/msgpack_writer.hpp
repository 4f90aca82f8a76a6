// Appends MessagePack values to a string: msgpack-cxx's packer behind names of ours.
//
// Only for .cpp files of this folder: the library's headers are dear to compile.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <msgpack/pack.hpp>

namespace causeway::wire {

class MsgpackWriter {
 public:
  explicit MsgpackWriter(std::string& out) : sink_{out}, packer_(sink_) {}
  MsgpackWriter(const MsgpackWriter&) = delete;
  MsgpackWriter& operator=(const MsgpackWriter&) = delete;

  /// The name in front of a map's value: `out.field("term").natural(7)`.
  /// Names are short: head and name go out in one piece.
  template <std::size_t N>
  MsgpackWriter& field(const char (&name)[N]) {
    static_assert(N - 1 <= 31);
    char piece[N];
    piece[0] = static_cast<char>(0xa0 | (N - 1));
    std::memcpy(piece + 1, name, N - 1);
    sink_.out.append(piece, N);
    return *this;
  }

  void nil() { packer_.pack_nil(); }
  void boolean(bool v) { v ? packer_.pack_true() : packer_.pack_false(); }
  void natural(std::uint64_t v) { packer_.pack_uint64(v); }
  /// `v` should be UTF-8: clients' libraries may insist.
  void text(std::string_view v) {
    packer_.pack_str(static_cast<std::uint32_t>(v.size()));
    sink_.out.append(v);
  }
  void binary(std::string_view v) {
    packer_.pack_bin(static_cast<std::uint32_t>(v.size()));
    sink_.out.append(v);
  }
  void array(std::size_t values) { packer_.pack_array(static_cast<std::uint32_t>(values)); }
  void map(std::size_t pairs) { packer_.pack_map(static_cast<std::uint32_t>(pairs)); }

 private:
  struct Sink {
    std::string& out;
    void write(const char* data, std::size_t size) { out.append(data, size); }
  };
  Sink sink_;
  msgpack::packer<Sink> packer_;
};

}  // namespace causeway::wire
