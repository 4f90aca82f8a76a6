#include "wire/msgpack_reader.hpp"

namespace causeway::wire {

MsgpackKind MsgpackReader::next() const {
  MsgpackHead head;
  return parse_head(in_, head) == HeadState::good ? head.kind : MsgpackKind::none;
}

MsgpackHead MsgpackReader::take(MsgpackKind wanted, MsgpackKind or_wanted) {
  MsgpackHead head;
  if (parse_head(in_, head) != HeadState::good || (head.kind != wanted && head.kind != or_wanted) ||
      (strictness_ == Strictness::canonical && !head.minimal)) {
    fail();
    return {};
  }
  in_.remove_prefix(head.bytes);
  return head;
}

std::string_view MsgpackReader::body(const MsgpackHead& head) {
  if (head.body > in_.size()) {
    fail();
    return {};
  }
  const std::string_view taken = in_.substr(0, head.body);
  in_.remove_prefix(head.body);
  return taken;
}

std::uint64_t MsgpackReader::count(const MsgpackHead& head) {
  if (head.children > in_.size()) {
    fail();
    return 0;
  }
  return head.children;
}

bool MsgpackReader::nil() {
  if (next() != MsgpackKind::nil) return false;
  in_.remove_prefix(1);
  return true;
}

std::string_view MsgpackReader::skip() {
  const std::string_view start = in_;
  // Counting what is still announced takes the place of recursion.
  for (std::uint64_t outstanding = 1; outstanding != 0; --outstanding) {
    MsgpackHead head;
    if (parse_head(in_, head) != HeadState::good || head.body > in_.size() - head.bytes ||
        head.children > in_.size() - head.bytes) {
      fail();
      return {};
    }
    outstanding += head.children;
    in_.remove_prefix(head.bytes + head.body);
  }
  return start.substr(0, start.size() - in_.size());
}

}  // namespace causeway::wire
