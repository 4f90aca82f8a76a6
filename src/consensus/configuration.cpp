// Layout (docs/formats.md#configuration), little-endian:
//
//   u8   format, 2
//   u64  cluster id, not 0
//   u8   number of members, not 0
//   per member, ascending by name:  u8 length, name | u8 role | u64 origin (0: not bound)
//                                   | u8 barred (1) or not (0)
//
// There is one way to write a configuration: what decodes encodes to the same bytes.
#include "consensus/configuration.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/check.hpp"

namespace causeway::consensus {
namespace {

constexpr std::uint8_t kFormat = 2;
constexpr std::size_t kNameBytesMax = 64;

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, allowed);
}

bool is_role(std::uint8_t role) {
  return role == static_cast<std::uint8_t>(MemberRole::voter) ||
         role == static_cast<std::uint8_t>(MemberRole::learner);
}

Error corrupt(std::string detail) { return {Errc::corrupt, "configuration: " + std::move(detail)}; }

}  // namespace

std::string Configuration::encode() const {
  CAUSEWAY_CHECK(!members.empty());
  CAUSEWAY_CHECK(members.size() <= UINT8_MAX);
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(kFormat);
  writer.u64(cluster);
  writer.u8(static_cast<std::uint8_t>(members.size()));
  for (const Member& member : members) {
    CAUSEWAY_CHECK(is_name(member.name));
    writer.u8(static_cast<std::uint8_t>(member.name.size()));
    writer.bytes(member.name);
    writer.u8(static_cast<std::uint8_t>(member.role));
    writer.u64(member.origin.value);
    writer.u8(member.barred ? 1 : 0);
  }
  return bytes;
}

Result<Configuration> Configuration::decode(std::string_view bytes) {
  ByteReader reader(bytes);
  const std::uint8_t format = reader.u8();
  if (!reader.ok()) return corrupt("empty");
  if (format != kFormat) return corrupt("unknown format " + std::to_string(format));
  Configuration configuration;
  configuration.cluster = reader.u64();
  const std::uint8_t count = reader.u8();
  if (!reader.ok()) return corrupt("short");
  if (configuration.cluster == 0) return corrupt("cluster id 0");
  if (count == 0) return corrupt("no members");
  for (std::uint8_t i = 0; i < count; ++i) {
    Member member;
    member.name = reader.bytes(reader.u8());
    const std::uint8_t role = reader.u8();
    member.origin = {reader.u64()};
    const std::uint8_t barred = reader.u8();
    if (!reader.ok()) return corrupt("short");
    if (!is_name(member.name)) return corrupt("malformed name of member " + std::to_string(i));
    if (!is_role(role)) return corrupt("unknown role of " + member.name);
    if (barred > 1 || (barred == 1 && member.origin == Origin{})) {
      return corrupt("malformed binding of " + member.name);
    }
    member.role = static_cast<MemberRole>(role);
    member.barred = barred == 1;
    if (i != 0 && !(configuration.members.back().name < member.name)) {
      return corrupt("members not ascending at " + member.name);
    }
    configuration.members.push_back(std::move(member));
  }
  if (!reader.done()) return corrupt("bytes left over");
  return configuration;
}

}  // namespace causeway::consensus
