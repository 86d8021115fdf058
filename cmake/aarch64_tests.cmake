# The kernels for 64-bit Arm, cross-built by one test and run under qemu by others, each instruction set on a processor
# that has it and nothing newer.
if(PITH_SANITIZE)
  return()  # they would be the same programs once more
endif()
find_program(PITH_AARCH64_COMPILER aarch64-linux-gnu-g++)
find_program(PITH_AARCH64_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(NOT PITH_AARCH64_COMPILER OR NOT PITH_AARCH64_QEMU OR NOT EXISTS /usr/src/googletest/googletest/src/gtest-all.cc)
  add_test(NAME aarch64_kernels COMMAND ${CMAKE_COMMAND} -E echo
           "skipped: the Arm kernels' tests want the packages g++-aarch64-linux-gnu, qemu-user and googletest; install them and configure again")
  set_tests_properties(aarch64_kernels PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped:")
  return()
endif()

set(folder ${CMAKE_BINARY_DIR}/aarch64)
add_test(NAME aarch64_build COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${CMAKE_SOURCE_DIR} ${folder}
         --build-generator ${CMAKE_GENERATOR} --build-makeprogram ${CMAKE_MAKE_PROGRAM} --build-noclean
         --build-target kernel_test --build-options -DCMAKE_BUILD_TYPE=Release -DPITH_TRAIN=OFF -DPITH_KERNELS_ONLY=ON
         -DCMAKE_TOOLCHAIN_FILE=${CMAKE_SOURCE_DIR}/cmake/aarch64.cmake)
set_tests_properties(aarch64_build PROPERTIES FIXTURES_SETUP aarch64 TIMEOUT 900)

function(pith_aarch64_test isa cpu filter)
  add_test(NAME aarch64_kernels_${isa} COMMAND ${PITH_AARCH64_QEMU} -cpu ${cpu} ${folder}/kernel_test --gtest_brief=1
           --gtest_filter=${filter})
  set_tests_properties(aarch64_kernels_${isa} PROPERTIES FIXTURES_REQUIRED aarch64 TIMEOUT 900
                       ENVIRONMENT "PITH_TEST_BEST_ISA=${isa}")
endfunction()
# What is not int8 is NEON's on all of them.
pith_aarch64_test(neon cortex-a72 "-*_scalar")
pith_aarch64_test(dotprod cortex-a76 "*_int8_dotprod:KernelIsa.*:KernelLinearArm.*:KernelAttention.*")
pith_aarch64_test(i8mm max "*_int8_i8mm:KernelIsa.*:KernelLinearArm.*:KernelLinearJobs.*")
