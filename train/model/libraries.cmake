# Torch-free and built on generic vectors, which never cross a function that is not inlined: no ABI to warn of.
foreach(kernel base avx2 avx512)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/train/model/kernels_${kernel}.cc PROPERTIES
                              COMPILE_OPTIONS -Wno-psabi)
endforeach()
