# causeway_fast_program(<executable> <folder>...)
#
# For Release it is compiled from the sources of these folders and optimised across all of them.
# Their libraries stay as they are: apps link them with compilers of their own. A program's small
# objects come from an allocator that is faster than the C library's, and what it calls most is
# linked into it.
function(causeway_fast_program program)
  if(CAUSEWAY_SANITIZE)  # whose own allocators find mistakes
    return()
  endif()
  target_link_options(${program} PRIVATE -static-libstdc++ -static-libgcc)
  target_link_libraries(${program} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${causeway_tcmalloc}>)

  if(NOT CAUSEWAY_LTO OR NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    return()
  endif()
  foreach(folder IN LISTS ARGN)
    get_target_property(sources causeway_${folder} SOURCES)
    target_sources(${program} PRIVATE ${sources})
    get_property(packages GLOBAL PROPERTY causeway_${folder}_packages)
    target_link_libraries(${program} PRIVATE ${packages})
  endforeach()
  target_compile_options(${program} PRIVATE -flto=auto)
  target_link_options(${program} PRIVATE -flto=auto)
endfunction()
