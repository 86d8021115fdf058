# LibTorch as PyPI's wheel has it. Only torch_cpu and c10 are linked: the wheel's libtorch.so would pull CUDA in.
if(PITH_TRAIN)
  set(torch_dir ${PITH_SITE}/torch)
  if(NOT EXISTS ${torch_dir}/lib/libtorch_cpu.so)
    message(FATAL_ERROR "LibTorch is not in ${torch_dir}: run ./pith setup, or configure with -DPITH_TRAIN=OFF")
  endif()
  add_library(pith_torch INTERFACE)
  target_include_directories(pith_torch SYSTEM INTERFACE ${torch_dir}/include ${torch_dir}/include/torch/csrc/api/include)
  # at::parallel_for runs inline unless OpenMP is on. The runtime library is the one that LibTorch brings.
  target_compile_options(pith_torch INTERFACE -fopenmp)
  target_link_libraries(pith_torch INTERFACE ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so
                        ${torch_dir}/lib/libgomp.so.1)
  target_compile_definitions(pith_torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1
                             AT_PER_OPERATOR_HEADERS)  # each operator from a header of its own: 2 seconds a file, not 15
endif()
