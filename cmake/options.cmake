# Flags that hold for every target. Nothing here is tuned to the building machine: fast paths are chosen at run time.
add_library(pith_options INTERFACE)
target_compile_options(pith_options INTERFACE -Wall -Wextra -Wno-unused-parameter -fno-math-errno -ffp-contract=off)
target_include_directories(pith_options INTERFACE ${CMAKE_SOURCE_DIR})
if(PITH_SANITIZE)
  target_compile_options(pith_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                         -fno-omit-frame-pointer)
  target_link_options(pith_options INTERFACE -fsanitize=address,undefined)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_package(Threads REQUIRED)
