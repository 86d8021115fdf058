# yaml-cpp reads the configuration files; its types stay inside configs/config_tree.cc.
find_package(yaml-cpp REQUIRED)
if(TARGET yaml-cpp::yaml-cpp)
  target_link_libraries(${target} PRIVATE yaml-cpp::yaml-cpp)
else()
  target_link_libraries(${target} PRIVATE yaml-cpp)
endif()
