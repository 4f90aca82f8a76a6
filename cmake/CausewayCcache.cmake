# Compiles through ccache, so that two clones share results: paths below the source directory are
# made relative (BASEDIR), and the build directory does not count (NOHASHDIR).

find_program(CAUSEWAY_CCACHE_PROGRAM ccache)
mark_as_advanced(CAUSEWAY_CCACHE_PROGRAM)

# How the compiler spells the source directory: CausewayCompileOptions takes it off __FILE__.
set(causeway_source_prefix ${PROJECT_SOURCE_DIR}/)
if(CAUSEWAY_CCACHE AND CAUSEWAY_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
    CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros
    ${CAUSEWAY_CCACHE_PROGRAM})
  cmake_path(RELATIVE_PATH PROJECT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_BINARY_DIR}
    OUTPUT_VARIABLE causeway_source_prefix)
  string(APPEND causeway_source_prefix /)
endif()
