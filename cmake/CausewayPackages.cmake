# The Debian packages that scripts/setup installs, as targets. /usr/include counts as a system
# directory, so their headers give no warnings.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.74 CONFIG REQUIRED COMPONENTS headers serialization)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)  # has no CMake package
find_library(CAUSEWAY_TCMALLOC libtcmalloc_minimal.a REQUIRED)
mark_as_advanced(CAUSEWAY_TCMALLOC)
find_package(msgpack CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)

# ThreadSanitizer needs the shared library: it can be told to overlook the code of a library that
# was built without it, but not of an archive inside our own program.
if(CAUSEWAY_ROCKSDB_STATIC)
  add_library(Causeway::rocksdb ALIAS RocksDB::rocksdb)
else()
  add_library(Causeway::rocksdb ALIAS RocksDB::rocksdb-shared)
endif()
