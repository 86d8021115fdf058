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
