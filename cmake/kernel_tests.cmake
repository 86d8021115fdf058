# The kernels' tests and those of SHA-256's instructions alone, for cross builds (PITH_KERNELS_ONLY). GoogleTest is compiled from
# the distribution's sources (package googletest), since its libraries are for this machine.
set(PITH_GTEST_SOURCES /usr/src/googletest/googletest CACHE PATH "GoogleTest's sources")
add_library(pith_gtest STATIC ${PITH_GTEST_SOURCES}/src/gtest-all.cc ${PITH_GTEST_SOURCES}/src/gtest_main.cc)
target_include_directories(pith_gtest SYSTEM PUBLIC ${PITH_GTEST_SOURCES}/include PRIVATE ${PITH_GTEST_SOURCES})
target_compile_options(pith_gtest PRIVATE -O0)  # builds in half the time, and nothing waits for it
target_link_libraries(pith_gtest PUBLIC Threads::Threads)
file(GLOB sources CONFIGURE_DEPENDS tests/runtime/kernel_*_test.cc tests/base/sha256_test.cc)
add_executable(kernel_test ${sources})
target_link_libraries(kernel_test PRIVATE pith_options pith_runtime_kernels pith_gtest)
add_test(NAME kernel_test COMMAND kernel_test)
