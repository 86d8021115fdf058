# libpith, static and shared: the C API (runtime/pith.h) with all that it needs of ours. Both hold the same one object, in which every
# name but pith_… is local: nothing of ours meets the names of the program around it.
#
#   pith_static → libpith.a, pith_shared → libpith.so.ABI; installed as pith::static and pith::pith (cmake/install.cmake)
include(GNUInstallDirs)
pith_room_target(runtime/capi capi)
pith_rooms_needed(${capi} PITH_LIBRARY_ROOMS)
file(STRINGS ${CMAKE_SOURCE_DIR}/runtime/pith.h PITH_ABI REGEX "^#define PITH_ABI ")
string(REGEX REPLACE "[^0-9]" "" PITH_ABI "${PITH_ABI}")

# Of the rooms, libraries of others, by the names that a linker knows: for pith.pc and those who link libpith.a.
set(PITH_LIBRARY_NEEDS ${UTF8PROC_LIBRARY})
if(SENTENCEPIECE_LINKS)
  list(APPEND PITH_LIBRARY_NEEDS ${SENTENCEPIECE_LIBRARY})
endif()

set(archives)
foreach(room ${PITH_LIBRARY_ROOMS})
  set_target_properties(${room} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${room} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)  # no objcopy makes such names local
  if(NOT room STREQUAL ${capi})
    list(APPEND archives $<TARGET_FILE:${room}>)
  endif()
endforeach()
set(object ${CMAKE_BINARY_DIR}/libpith.o)
add_custom_command(OUTPUT ${object}
  COMMAND ${CMAKE_CXX_COMPILER} -r -nostdlib -Wl,--force-group-allocation -Wl,--whole-archive $<TARGET_FILE:${capi}> -Wl,--no-whole-archive
          -Wl,--start-group ${archives} -Wl,--end-group -o ${object}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=pith_* ${object}
  DEPENDS ${PITH_LIBRARY_ROOMS} VERBATIM COMMAND_EXPAND_LISTS COMMENT "Joining the rooms of libpith")

foreach(library pith_static pith_shared)
  string(REPLACE pith_ "" kind ${library})
  string(TOUPPER ${kind} kind)
  add_library(${library} ${kind} ${object})
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME pith LINKER_LANGUAGE CXX)
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
set_target_properties(pith_static PROPERTIES EXPORT_NAME static)
target_link_libraries(pith_static INTERFACE ${PITH_LIBRARY_NEEDS} stdc++ m Threads::Threads)

set_target_properties(pith_shared PROPERTIES EXPORT_NAME pith VERSION ${PITH_ABI}.${PROJECT_VERSION} SOVERSION ${PITH_ABI}
                      LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/libpith.map)
target_link_libraries(pith_shared PRIVATE pith_options ${PITH_LIBRARY_NEEDS} Threads::Threads)
target_link_options(pith_shared PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/libpith.map -Wl,--gc-sections)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  # Phones with pages of 16 KB load what is aligned to them alone; and none has this machine's libstdc++.
  target_link_options(pith_shared PRIVATE -Wl,-z,max-page-size=16384 -static-libstdc++ -static-libgcc $<$<CONFIG:MinSizeRel>:-s>)
  target_sources(pith_shared PRIVATE runtime/capi/shared/terminate.cc)
endif()
