# cmake --install build [--prefix DIR]: the programs that this build has, and what has to go with them.
include(GNUInstallDirs)
foreach(program pith-run pith-export pith-train)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
if(TARGET pith-train)  # finds LibTorch where ./pith unpacked it
  set_target_properties(pith-train PROPERTIES INSTALL_RPATH ${PITH_SITE}/torch/lib)
endif()
install(FILES LICENSE NOTICES.md CHANGELOG.md README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
