# Installs the libraries behind Causeway::node and Causeway::client, the public headers, and what
# find_package(Causeway) and `pkg-config causeway` read. The folders' archives are an implementation
# detail: apps name the two targets only.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_directory ${CMAKE_INSTALL_LIBDIR}/cmake/Causeway)

# What host and client stand on, directly or not, in the order of src/LAYERS.
set(installed host client)
foreach(pass IN LISTS causeway_layers)
  foreach(folder IN LISTS installed)
    list(APPEND installed ${causeway_${folder}_depends})
  endforeach()
  list(REMOVE_DUPLICATES installed)
endforeach()

set(archives "")
foreach(folder IN LISTS causeway_layers)
  if(NOT folder IN_LIST installed)
    continue()
  endif()
  set_target_properties(causeway_${folder} PROPERTIES EXPORT_NAME internal_${folder})
  install(TARGETS causeway_${folder} EXPORT Causeway ARCHIVE COMPONENT Development)
  get_target_property(type causeway_${folder} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(PREPEND archives -lcauseway_${folder})  # a linker wants users before what they use
  endif()
endforeach()
set_target_properties(causeway_host PROPERTIES EXPORT_NAME node)
set_target_properties(causeway_client PROPERTIES EXPORT_NAME client)

install(TARGETS causeway_headers EXPORT Causeway FILE_SET HEADERS COMPONENT Development)
install(EXPORT Causeway
  NAMESPACE Causeway::
  FILE CausewayTargets.cmake
  DESTINATION ${config_directory}
  COMPONENT Development)

configure_package_config_file(cmake/CausewayConfig.cmake.in CausewayConfig.cmake
  INSTALL_DESTINATION ${config_directory}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break apps.
write_basic_package_version_file(CausewayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/CausewayConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/CausewayConfigVersion.cmake
  DESTINATION ${config_directory}
  COMPONENT Development)

string(REPLACE ";" " " CAUSEWAY_PC_ARCHIVES "${archives}")
if(CAUSEWAY_ROCKSDB_STATIC)
  set(CAUSEWAY_PC_ROCKSDB "-l:librocksdb.a -lsnappy -lbz2 -lz -llz4 -lzstd")
else()
  set(CAUSEWAY_PC_ROCKSDB "-lrocksdb")
endif()
# Relative to the file itself, so that `cmake --install --prefix` and moved trees work.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE CAUSEWAY_PC_PREFIX)
configure_file(cmake/causeway.pc.in causeway.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/causeway.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT Development)
