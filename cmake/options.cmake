# Flags that hold for every target. Nothing here is tuned to the building machine: fast paths are chosen at run time.
add_library(pith_options INTERFACE)
target_compile_options(pith_options INTERFACE -Wall -Wextra -Wno-unused-parameter -fno-math-errno -ffp-contract=off)
target_include_directories(pith_options INTERFACE ${CMAKE_SOURCE_DIR})
# GCC 12 sees overlapping copies in std::string where there are none (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12
   AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(pith_options INTERFACE -Wno-restrict)
endif()
if(PITH_FUZZ)  # the rooms under test are watched too; see cmake/fuzz.cmake
  target_compile_options(pith_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -g)
  target_link_options(pith_options INTERFACE -fsanitize=address,undefined)
endif()
if(PITH_SANITIZE)
  target_compile_options(pith_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer)
  target_link_options(pith_options INTERFACE -fsanitize=address,undefined)
endif()
if(PITH_SANITIZE_THREADS)
  if(PITH_SANITIZE OR PITH_FUZZ)
    message(FATAL_ERROR "ThreadSanitizer and AddressSanitizer exclude each other: turn off PITH_SANITIZE_THREADS, or PITH_SANITIZE and PITH_FUZZ")
  endif()
  target_compile_options(pith_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(pith_options INTERFACE -fsanitize=thread)
endif()
find_program(CCACHE ccache)
if(CCACHE)  # paths below the checkout are cached as relative ones: what one build folder compiled serves the others
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
endif()
find_package(Threads REQUIRED)
