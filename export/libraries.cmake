# JSON of Hugging Face folders, and the command line; their types stay inside the .cc files.
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
target_link_libraries(${target} PRIVATE nlohmann_json::nlohmann_json PUBLIC CLI11::CLI11)
