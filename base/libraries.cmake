# The version and the commit go into one source of their own, so that a new commit does not compile the world anew. It is asked
# for when a build is configured; a commit by itself makes no build stale.
set(PITH_COMMIT "")
find_package(Git QUIET)
if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --tags WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE PITH_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
configure_file(base/version.cc.in ${CMAKE_BINARY_DIR}/version.cc @ONLY)
target_sources(${target} PRIVATE ${CMAKE_BINARY_DIR}/version.cc)

# SHA-256 by the processor's own instructions: the only files of this room compiled for more than the machine's baseline;
# sha256.cc decides at run time whether they are called. They are empty on other architectures.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/base/sha256_shani.cc PROPERTIES
                              COMPILE_OPTIONS "-mssse3;-msse4.1;-msha;$<$<CONFIG:MinSizeRel>:-O3>")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/base/sha256_armv8.cc PROPERTIES
                              COMPILE_OPTIONS "-march=armv8-a+crypto;$<$<CONFIG:MinSizeRel>:-O3>")
endif()
