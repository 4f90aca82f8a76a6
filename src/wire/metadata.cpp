#include "wire/metadata.hpp"

#include <exception>
#include <locale>
#include <sstream>
#include <vector>

#include <boost/archive/text_iarchive.hpp>
#include <boost/archive/text_oarchive.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>

#include "base/bytes.hpp"
#include "base/hash.hpp"

namespace boost::serialization {

// Grown origin by origin: the library's own way for vectors makes room for whatever count it reads.
template <class Archive>
void serialize_origins(Archive& archive, std::vector<causeway::Origin>& origins) {
  std::uint64_t count = origins.size();
  archive& count;
  for (std::uint64_t i = 0; i < count; ++i) {
    if constexpr (Archive::is_loading::value) origins.emplace_back();
    archive& origins[i].value;
  }
}

template <class Archive>
void serialize(Archive& archive, causeway::wire::Identity& identity, unsigned /*class version*/) {
  archive& identity.name& identity.origin.value;
  serialize_origins(archive, identity.old_origins);
  archive& identity.listen& identity.advertise& identity.cluster;
}

}  // namespace boost::serialization

namespace causeway::wire {
namespace {

constexpr std::string_view kIdentityMagic = "CWID";
constexpr std::size_t kHashBytes = 8;

Error damaged(std::string_view what) {
  return {Errc::corrupt, "the identity is damaged (" + std::string(what) + ")"};
}

std::string archive_of(const Identity& identity) {
  std::ostringstream text;
  // The locale's digits are not those of other machines.
  text.imbue(std::locale::classic());
  boost::archive::text_oarchive(text, boost::archive::no_codecvt) << identity;
  return std::move(text).str();
}

// The one function that calls what throws.
Result<Identity> identity_of(std::string_view archive) {
  try {
    std::istringstream text{std::string(archive)};
    text.imbue(std::locale::classic());
    Identity identity;
    boost::archive::text_iarchive(text, boost::archive::no_codecvt) >> identity;
    return identity;
  } catch (const std::exception& failure) {
    return damaged(failure.what());
  }
}

}  // namespace

std::string encode(const Identity& identity) {
  const std::string archive = archive_of(identity);
  std::string bytes;
  ByteWriter out(bytes);
  out.bytes(kIdentityMagic);
  out.u32(kIdentityFormat);
  out.sized(archive);
  out.u64(hash64(bytes));
  return bytes;
}

Result<Identity> decode_identity(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.bytes(kIdentityMagic.size()) != kIdentityMagic) return damaged("no identity at all");
  const std::uint32_t format = in.u32();
  const std::string_view archive = in.sized();
  const std::uint64_t hash = in.u64();
  if (!in.done()) return damaged("its length");
  if (hash != hash64(bytes.substr(0, bytes.size() - kHashBytes))) return damaged("its checksum");
  // The envelope is the same in every format, so that a later one is told from damage.
  if (format != kIdentityFormat) {
    return Error{Errc::unavailable, "the identity has format " + std::to_string(format) +
                                        ", this version reads " + std::to_string(kIdentityFormat) +
                                        "; start the version that wrote it"};
  }
  CAUSEWAY_TRY(identity, identity_of(archive));
  if (identity.name.empty() || identity.origin == Origin{}) return damaged("no name or origin");
  return identity;
}

}  // namespace causeway::wire
