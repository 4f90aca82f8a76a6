# causeway_compile_options(target [EDGE]): the warnings and sanitizers of our own code. They are
# PRIVATE: no app that uses Causeway inherits them. The presets turn warnings into errors
# (CMAKE_COMPILE_WARNING_AS_ERROR); a plain build with some later compiler only prints them.

set(causeway_warnings
  -Wall -Wextra -Wpedantic
  -Wcast-align -Wcast-qual -Wconversion -Wextra-semi -Wformat=2 -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wshadow -Wsign-conversion -Wundef -Wunused)

set(causeway_edge_warnings "")

# Part of -Wextra, and it reports every member that a designated initialiser leaves to its default.
list(APPEND causeway_warnings -Wno-missing-field-initializers)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND causeway_warnings
    -Wduplicated-branches -Wduplicated-cond -Wlogical-op -Wsuggest-override)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarm in std::string's operator+ and assign (GCC bug 105329, fixed in 13).
    list(APPEND causeway_warnings -Wno-restrict)
    # False alarm on coroutine frames, which Asio allocates with its own operator new.
    list(APPEND causeway_edge_warnings -Wno-mismatched-new-delete)
  endif()
  if(CAUSEWAY_SANITIZE OR CMAKE_UNITY_BUILD)
    # GCC's manual: the sanitizers' extra code gives this one false alarms. So do std::variants that
    # are inlined from file to file of a unity build; the preset `small` has neither.
    list(APPEND causeway_warnings -Wno-maybe-uninitialized)
  endif()
endif()

if(CAUSEWAY_SANITIZE)
  # For every target: what is linked together must be built with the same sanitizer.
  add_compile_options(
    -fsanitize=${CAUSEWAY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CAUSEWAY_SANITIZE})
endif()

# Static archives name more libraries than a program uses (RocksDB's: gflags).
add_link_options(LINKER:--as-needed)

if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel")
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(LINKER:--gc-sections)
endif()

# __FILE__ in messages of CAUSEWAY_CHECK is src/..., on every machine.
# A unity build includes each file by its whole path, however the compiler is called.
add_compile_options(
  -fmacro-prefix-map=${causeway_source_prefix}= -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

function(causeway_compile_options target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EDGE" "" "")
  target_compile_options(${target} PRIVATE ${causeway_warnings})
  if(arg_EDGE)
    target_compile_options(${target} PRIVATE ${causeway_edge_warnings})
    if(CAUSEWAY_SANITIZE MATCHES "undefined")
      # Asio and Beast blow these three up to half a minute a file. Pure folders keep them.
      target_compile_options(${target} PRIVATE -fno-sanitize=null,vptr,alignment)
    endif()
  endif()
endfunction()
