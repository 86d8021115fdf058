# The third-party libraries for 64-bit Arm, unpacked into the build folder when it is configured first.
set(PITH_AARCH64_LIBRARIES "${CMAKE_BINARY_DIR}/libraries" CACHE PATH "A root folder with the third-party libraries for 64-bit Arm")
if(NOT EXISTS ${PITH_AARCH64_LIBRARIES}/usr/include)
  message(STATUS "Fetching the libraries for 64-bit Arm into ${PITH_AARCH64_LIBRARIES}")
  execute_process(COMMAND bash ${CMAKE_SOURCE_DIR}/cmake/aarch64_libraries.sh ${PITH_AARCH64_LIBRARIES} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "The libraries for 64-bit Arm could not be fetched (see above): check the network, or set "
                        "PITH_AARCH64_LIBRARIES to a root folder that has them under usr/")
  endif()
endif()
list(APPEND CMAKE_FIND_ROOT_PATH ${PITH_AARCH64_LIBRARIES})
# yaml-cpp's own CMake file knows its shared library alone.
add_library(yaml-cpp STATIC IMPORTED)
set_target_properties(yaml-cpp PROPERTIES
  IMPORTED_LOCATION ${PITH_AARCH64_LIBRARIES}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/libyaml-cpp.a
  INTERFACE_INCLUDE_DIRECTORIES ${PITH_AARCH64_LIBRARIES}/usr/include)
