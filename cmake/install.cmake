# cmake --install build [--prefix DIR]: the programs that this build has, the library for programs of others (alone: --component library),
# and what has to go with them.
foreach(program pith-run pith-export pith-train)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
if(TARGET pith-train)  # finds LibTorch where ./pith unpacked it
  set_target_properties(pith-train PROPERTIES INSTALL_RPATH ${PITH_SITE}/torch/lib)
endif()

include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Pith)
install(TARGETS pith_shared pith_static EXPORT PithTargets COMPONENT library
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES runtime/pith.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(EXPORT PithTargets NAMESPACE pith:: DESTINATION ${package} COMPONENT library)
configure_package_config_file(cmake/PithConfig.cmake.in ${CMAKE_BINARY_DIR}/PithConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/PithConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/PithConfig.cmake ${CMAKE_BINARY_DIR}/PithConfigVersion.cmake DESTINATION ${package} COMPONENT library)
set(PITH_PKGCONFIG_PRIVATE)
foreach(library ${PITH_LIBRARY_NEEDS})
  get_filename_component(name ${library} NAME_WE)
  string(REGEX REPLACE "^lib" "-l" name ${name})
  string(APPEND PITH_PKGCONFIG_PRIVATE "${name} ")
endforeach()
configure_file(cmake/pith.pc.in ${CMAKE_BINARY_DIR}/pith.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/pith.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)

install(FILES LICENSE NOTICES.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
install(FILES LICENSE NOTICES.md CHANGELOG.md README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
