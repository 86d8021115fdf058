# yaml-cpp reads the configuration files; its types stay inside configs/config_tree.cc.
if(NOT TARGET yaml-cpp)  # cmake/aarch64_libraries.cmake makes one
  find_package(yaml-cpp REQUIRED)
endif()
if(TARGET yaml-cpp::yaml-cpp)
  target_link_libraries(${target} PRIVATE yaml-cpp::yaml-cpp)
else()
  target_link_libraries(${target} PRIVATE yaml-cpp)
endif()
