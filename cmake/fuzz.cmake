# Fuzz targets: tests/fuzz/NAME_fuzz.cc defines LLVMFuzzerTestOneInput, tests/fuzz/corpus/NAME/ holds inputs to start from.
#   By default each is linked with tests/fuzz/run_inputs.cc, and CTest feeds it a fixed number of mutations (fuzz.NAME).
#   With -DPITH_FUZZ=ON (clang, preset `fuzz`) each is a libFuzzer program under AddressSanitizer and UBSan:
#     build-fuzz/answer_fuzz -max_len=4096 -max_total_time=3600 FOLDER_FOR_FINDINGS tests/fuzz/corpus/answer

if(PITH_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "PITH_FUZZ wants clang, this is ${CMAKE_CXX_COMPILER_ID}: set CMAKE_CXX_COMPILER=clang++")
endif()

# pith_fuzz(answer USES rewards/answers INPUTS 20000)
function(pith_fuzz name)
  cmake_parse_arguments(ARG "" "INPUTS" "USES" ${ARGN})
  set(program ${name}_fuzz)
  add_executable(${program} tests/fuzz/${name}_fuzz.cc)
  target_link_libraries(${program} PRIVATE pith_options)
  foreach(room ${ARG_USES})
    pith_room_target(${room} library)
    target_link_libraries(${program} PRIVATE ${library})
  endforeach()
  if(PITH_FUZZ)
    target_compile_options(${program} PRIVATE -fsanitize=fuzzer)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${program} PRIVATE tests/fuzz/run_inputs.cc)
    add_test(NAME fuzz.${name} COMMAND ${program} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name} ${ARG_INPUTS})
    set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 900)
  endif()
endfunction()

pith_fuzz(answer USES rewards/answers INPUTS 20000)
pith_fuzz(exclusive USES rewards/answers INPUTS 20000)
pith_fuzz(tokenizer USES data/text INPUTS 20000)
pith_fuzz(template USES data/template INPUTS 20000)
pith_fuzz(gguf USES base base/model runtime/kernels INPUTS 10000)
pith_fuzz(safetensors USES base base/model INPUTS 20000)
pith_fuzz(config USES configs INPUTS 10000)
pith_fuzz(adapter USES adapters INPUTS 20000)
pith_fuzz(capi USES runtime/capi adapters export INPUTS 1000)
target_compile_definitions(capi_fuzz PRIVATE PITH_TEST_GOLDEN="${CMAKE_SOURCE_DIR}/tests/golden")
