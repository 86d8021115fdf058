find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
target_link_libraries(${target} PRIVATE nlohmann_json::nlohmann_json PUBLIC CLI11::CLI11)
