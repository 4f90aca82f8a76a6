# causeway_folder(<folder> [ASIO] [EXECUTABLE <name>] [PACKAGES <target>...])
#
# Makes causeway_<folder> of src/<folder>/*.cpp: a static library, or an INTERFACE library while the
# folder has no source file. It links the folders that src/LAYERS allows, and the PACKAGES.
# EXECUTABLE makes <name> of src/<folder>/main.cpp, once that exists; the other files stay in the
# library, where tests reach them. New files and folders are found at the next build.
function(causeway_folder folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ASIO" "EXECUTABLE" "PACKAGES")
  set(target causeway_${folder})
  set(edge "")
  if(causeway_${folder}_kind STREQUAL "edge")
    set(edge EDGE)
  endif()

  file(GLOB sources CONFIGURE_DEPENDS src/${folder}/*.cpp)
  set(main ${PROJECT_SOURCE_DIR}/src/${folder}/main.cpp)
  if(arg_EXECUTABLE AND main IN_LIST sources)
    list(REMOVE_ITEM sources ${main})
    set(have_main ON)
  endif()

  if(sources)
    add_library(${target} STATIC ${sources})
    set(public PUBLIC)
    set(private PRIVATE)
    causeway_compile_options(${target} ${edge})
  else()
    add_library(${target} INTERFACE)
    set(public INTERFACE)
    set(private INTERFACE)
  endif()

  target_include_directories(${target} ${public} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  list(TRANSFORM causeway_${folder}_depends PREPEND causeway_ OUTPUT_VARIABLE depends)
  target_link_libraries(${target} ${public} causeway_headers ${depends})
  target_link_libraries(${target} ${private} ${arg_PACKAGES})
  if(arg_ASIO)
    # Everyone who includes Asio must see the same definitions. The fences only serve pools without
    # a mutex, and ThreadSanitizer does not understand them.
    target_compile_definitions(${target} ${public} BOOST_ASIO_DISABLE_FENCED_BLOCK)
    target_link_libraries(${target} ${public} Boost::headers Threads::Threads)
  endif()
  if(edge)
    target_compile_definitions(${target} ${private}
      $<BUILD_INTERFACE:CAUSEWAY_VERSION="${PROJECT_VERSION}">)
  endif()
  set_property(GLOBAL PROPERTY causeway_${folder}_packages ${arg_PACKAGES})

  if(have_main)
    add_executable(${arg_EXECUTABLE} ${main})
    causeway_compile_options(${arg_EXECUTABLE} ${edge})
    target_compile_definitions(${arg_EXECUTABLE} PRIVATE CAUSEWAY_VERSION="${PROJECT_VERSION}")
    target_link_libraries(${arg_EXECUTABLE} PRIVATE ${target} ${arg_PACKAGES})
    install(TARGETS ${arg_EXECUTABLE})
  endif()
endfunction()

# causeway_programs(<directory> PREFIX <prefix>): each <directory>/<name>.cpp becomes the executable
# <prefix><name>, which sees what an app sees.
function(causeway_programs directory)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PREFIX" "")
  file(GLOB sources CONFIGURE_DEPENDS ${directory}/*.cpp)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    add_executable(${arg_PREFIX}${name} ${source})
    causeway_compile_options(${arg_PREFIX}${name} EDGE)
    target_link_libraries(${arg_PREFIX}${name} PRIVATE Causeway::node Causeway::client)
  endforeach()
endfunction()
