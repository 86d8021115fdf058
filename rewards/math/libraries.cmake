# Boost's multiprecision numbers: headers alone. They are the same for every processor, so a cross build takes them from the
# building machine too, through a link of their own: /usr/include itself would bring in that machine's other headers.
find_path(PITH_BOOST_INCLUDE boost/multiprecision/cpp_bin_float.hpp NO_CMAKE_FIND_ROOT_PATH)
if(NOT PITH_BOOST_INCLUDE)
  message(FATAL_ERROR "Boost's headers (boost/multiprecision) were not found: install libboost-dev")
endif()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/headers)
file(CREATE_LINK ${PITH_BOOST_INCLUDE}/boost ${CMAKE_BINARY_DIR}/headers/boost SYMBOLIC)
target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_BINARY_DIR}/headers)
