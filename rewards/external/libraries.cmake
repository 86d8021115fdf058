# JSON of what judges are sent and answer; its types stay inside the .cc files.
find_package(nlohmann_json REQUIRED)
target_link_libraries(${target} PRIVATE nlohmann_json::nlohmann_json)
