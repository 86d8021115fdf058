find_package(CLI11 REQUIRED)
target_link_libraries(${target} PRIVATE CLI11::CLI11)
