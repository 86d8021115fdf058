# The fast versions are the only files compiled for newer instruction sets than the machine's baseline; isa.cc decides at
# run time whether they are called. They are empty on other architectures.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  file(GLOB avx2_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/kernels/*_avx2.cc)
  file(GLOB avx512_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/kernels/*_avx512.cc)
  # GCC 12's own intrinsics headers set off the two warnings.
  set(avx2 "-mavx2;-mfma;-mf16c;-Wno-uninitialized;-Wno-maybe-uninitialized")
  set(avx512bw "${avx2};-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mprefer-vector-width=512")
  set_source_files_properties(${avx2_sources} PROPERTIES COMPILE_OPTIONS "${avx2}")
  set_source_files_properties(runtime/kernels/linear_int8_avxvnni.cc PROPERTIES COMPILE_OPTIONS "${avx2};-mavxvnni")
  set_source_files_properties(runtime/kernels/linear_int8_avx512bw.cc PROPERTIES COMPILE_OPTIONS "${avx512bw}")
  set_source_files_properties(runtime/kernels/linear_int8_avx512vnni.cc PROPERTIES COMPILE_OPTIONS "${avx512bw};-mavx512vnni")
  set_source_files_properties(${avx512_sources} PROPERTIES COMPILE_OPTIONS "${avx512bw};-mavx512vnni;-mavx512bf16")
  file(GLOB amx_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/kernels/*_amx.cc)
  set_source_files_properties(${amx_sources} PROPERTIES COMPILE_OPTIONS "${avx512bw};-mavx512vnni;-mavx512bf16;-mamx-tile;-mamx-int8;-mamx-bf16")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)  # its instruction sets are told apart by names of their files alone
  file(GLOB dotprod_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/kernels/*_dotprod.cc)
  file(GLOB i8mm_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/kernels/*_i8mm.cc)
  set_source_files_properties(${dotprod_sources} PROPERTIES COMPILE_OPTIONS "-march=armv8.2-a+dotprod")
  set_source_files_properties(${i8mm_sources} PROPERTIES COMPILE_OPTIONS "-march=armv8.2-a+dotprod+i8mm")
endif()
# Kernels are for speed even where all else is for size.
target_compile_options(${target} PRIVATE $<$<CONFIG:MinSizeRel>:-O3>)
