# libpith as others meet it: installed, and for a phone.
find_program(PITH_PKG_CONFIG pkg-config)
find_program(PITH_C_COMPILER NAMES cc gcc clang)
if(PITH_SANITIZE)
  # Programs of others would not be linked with the sanitizers: fuzz.capi looks at the library from within.
elseif(PITH_PYTHON AND PITH_PKG_CONFIG AND PITH_C_COMPILER)
  add_test(NAME library.installed COMMAND ${PITH_PYTHON} ${CMAKE_SOURCE_DIR}/tests/capi/installed_test.py ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}
           ${CMAKE_COMMAND} ${PITH_C_COMPILER} ${CMAKE_CXX_COMPILER})
  set_tests_properties(library.installed PROPERTIES TIMEOUT 900)
else()
  add_test(NAME library.installed COMMAND ${CMAKE_COMMAND} -E echo
           "skipped: the test of the installed library wants python3, pkg-config and a C compiler; install them and configure again")
  set_tests_properties(library.installed PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped:")
endif()

if(PITH_SANITIZE)
  return()
endif()
if(PITH_AARCH64_COMPILER AND PITH_BASH)
  add_test(NAME library.aarch64 COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DFOLDER=${CMAKE_BINARY_DIR}/aarch64-library
           -DGENERATOR=${CMAKE_GENERATOR} -DMAKE_PROGRAM=${CMAKE_MAKE_PROGRAM} -P ${CMAKE_SOURCE_DIR}/tests/setup/aarch64_library_test.cmake)
  set_tests_properties(library.aarch64 PROPERTIES TIMEOUT 2400)
else()
  add_test(NAME library.aarch64 COMMAND ${CMAKE_COMMAND} -E echo
           "skipped: libpith for 64-bit Arm wants the package g++-aarch64-linux-gnu; install it and configure again")
endif()
set_tests_properties(library.aarch64 PROPERTIES SKIP_REGULAR_EXPRESSION "(^|\n)skipped:")
