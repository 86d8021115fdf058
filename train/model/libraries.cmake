# The kernels alone are compiled for newer instruction sets than the machine's baseline, as those of runtime/kernels are; kernels.cc decides at run time
# which are called. They fuse what they can. Generic vectors never cross a function that is not inlined: no ABI to warn of.
set_source_files_properties(train/model/kernels_base.cc PROPERTIES COMPILE_OPTIONS -Wno-psabi)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(avx2 "-mavx2;-mfma;-mf16c;-ffp-contract=fast;-Wno-uninitialized;-Wno-maybe-uninitialized")
  set_source_files_properties(train/model/kernels_avx2.cc PROPERTIES COMPILE_OPTIONS "${avx2}")
  set_source_files_properties(train/model/kernels_avx512.cc PROPERTIES COMPILE_OPTIONS
                              "${avx2};-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mprefer-vector-width=512")
  set_source_files_properties(train/model/tile_product_amx.cc PROPERTIES COMPILE_OPTIONS
                              "${avx2};-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512bf16;-mamx-tile;-mamx-bf16")
endif()
