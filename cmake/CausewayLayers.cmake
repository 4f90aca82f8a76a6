# Reads src/LAYERS into causeway_layers (the folders, in order), and for each folder
# causeway_<folder>_kind (pure or edge) and causeway_<folder>_depends (the folders it may include).

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/LAYERS)
file(STRINGS ${PROJECT_SOURCE_DIR}/src/LAYERS lines REGEX "^[a-z]")

set(causeway_layers "")
foreach(line IN LISTS lines)
  if(NOT line MATCHES "^([a-z_]+)  +(pure|edge)  (-|[a-z_]+( [a-z_]+)*)(  |$)")
    message(FATAL_ERROR "src/LAYERS: cannot read this line:\n  ${line}")
  endif()
  set(folder ${CMAKE_MATCH_1})
  set(causeway_${folder}_kind ${CMAKE_MATCH_2})
  string(REPLACE "-" "" depends "${CMAKE_MATCH_3}")
  string(REPLACE " " ";" causeway_${folder}_depends "${depends}")
  foreach(dependency IN LISTS causeway_${folder}_depends)
    if(NOT dependency IN_LIST causeway_layers)
      message(FATAL_ERROR "src/LAYERS: ${folder} includes ${dependency}, which is not above it")
    endif()
  endforeach()
  list(APPEND causeway_layers ${folder})
endforeach()
