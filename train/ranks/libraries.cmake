find_package(MPI QUIET COMPONENTS CXX)
if(MPI_CXX_FOUND)
  # Its C interface alone, in one file; without it pith-train runs as a single process.
  set_source_files_properties(${CMAKE_SOURCE_DIR}/train/ranks/ranks.cc PROPERTIES COMPILE_DEFINITIONS "PITH_MPI=1;OMPI_SKIP_MPICXX=1")
  target_link_libraries(${target} PRIVATE MPI::MPI_CXX)
endif()
