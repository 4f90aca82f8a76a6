# causeway_fast_program(<executable> <folder>...)
#
# Gives it an allocator that is faster with small objects than the C library's. For Release it is
# compiled from the sources of these folders, whose libraries are there beside it, and optimised
# across all of them: the libraries stay as they are, since apps link them with compilers of their
# own.
function(causeway_fast_program program)
  if(CAUSEWAY_SANITIZE)  # whose own allocators find mistakes
    return()
  endif()
  target_link_libraries(${program} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${CAUSEWAY_TCMALLOC}>)

  if(NOT CAUSEWAY_LTO OR NOT CMAKE_BUILD_TYPE STREQUAL "Release"
      OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  foreach(folder IN LISTS ARGN)
    get_target_property(sources causeway_${folder} SOURCES)
    target_sources(${program} PRIVATE ${sources})
    get_property(packages GLOBAL PROPERTY causeway_${folder}_packages)
    target_link_libraries(${program} PRIVATE ${packages})
    causeway_unity_groups(${folder} ${sources})
  endforeach()
  set_target_properties(${program} PROPERTIES UNITY_BUILD_MODE GROUP)
  target_compile_options(${program} PRIVATE -flto=auto)
  target_link_options(${program} PRIVATE -flto=auto)
endfunction()

# Six files of a folder as one, as in the libraries: a name clashes here only where it does there.
function(causeway_unity_groups folder)
  set(count 0)
  foreach(source IN LISTS ARGN)
    math(EXPR group "${count} / 6")
    math(EXPR count "${count} + 1")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${group})
  endforeach()
endfunction()
