# A room is a folder with its own library. It may include headers of the rooms that it USES, of itself, and of no other:
# every source is scanned for #include "room/..." when the build is configured, and a changed source configures it anew.
#
#   pith_room(data/text USES base)   → library pith_data_text from data/text/*.cc (files named *_main.cc excepted)
#   pith_program(pith-run runtime/programs) → program from runtime/programs/*_main.cc, linked with that room
set(PITH_ROOMS "" CACHE INTERNAL "")

function(pith_room_target room out)
  string(REPLACE "/" "_" name ${room})
  set(${out} pith_${name} PARENT_SCOPE)
endfunction()

function(pith_check_edges room uses)
  file(GLOB files CONFIGURE_DEPENDS ${room}/*.h ${room}/*.cc ${room}/*.inc)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  foreach(file ${files})
    file(STRINGS ${file} includes REGEX "^[ \t]*#[ \t]*include \"")
    foreach(line ${includes})
      string(REGEX REPLACE "^[ \t]*#[ \t]*include \"([a-z_/0-9]+)/[a-z_0-9]+\\.(h|inc)\".*" "\\1" edge "${line}")
      if(NOT edge IN_LIST uses AND NOT edge STREQUAL room)
        message(FATAL_ERROR "${file} includes from '${edge}', which room '${room}' may not use "
                            "(allowed: ${uses}); see CMakeLists.txt")
      endif()
    endforeach()
  endforeach()
endfunction()

# The standard headers are a third of what a file costs to compile. They are compiled once, with the first room, for all rooms that
# have the same flags. Each file includes what it uses all the same: builds with PITH_PRECOMPILE=OFF, such as `asan`, see to it.
set(PITH_STANDARD_HEADERS <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <map> <memory> <optional> <set> <sstream>
    <string> <string_view> <utility> <variant> <vector>)

function(pith_precompile target)
  if(NOT PITH_PRECOMPILE)
    return()
  elseif(target STREQUAL pith_base)
    target_precompile_headers(${target} PRIVATE ${PITH_STANDARD_HEADERS})
  else()
    target_precompile_headers(${target} REUSE_FROM pith_base)
  endif()
endfunction()

function(pith_room room)
  cmake_parse_arguments(ARG "TORCH" "" "USES" ${ARGN})
  pith_check_edges(${room} "${ARG_USES}")
  pith_room_target(${room} target)
  file(GLOB sources CONFIGURE_DEPENDS ${room}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_main\\.cc$")
  if(NOT sources)
    return()
  endif()
  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PUBLIC pith_options Threads::Threads)
  foreach(used ${ARG_USES})
    pith_room_target(${used} dependency)
    if(TARGET ${dependency})
      target_link_libraries(${target} PUBLIC ${dependency})
    endif()
  endforeach()
  if(ARG_TORCH)  # with flags of its own
    target_link_libraries(${target} PUBLIC pith_torch)
  elseif(NOT room STREQUAL runtime/kernels)
    pith_precompile(${target})
  endif()
  if(EXISTS ${CMAKE_SOURCE_DIR}/${room}/libraries.cmake)
    include(${CMAKE_SOURCE_DIR}/${room}/libraries.cmake)  # third-party libraries of this room alone
  endif()
endfunction()

function(pith_program name room)
  pith_room_target(${room} library)
  file(GLOB sources CONFIGURE_DEPENDS ${room}/*_main.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE pith_options ${library})
endfunction()
