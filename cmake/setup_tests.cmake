# What stands around the programs: the script ./pith, installation, notices.
find_program(PITH_PYTHON python3)
find_program(PITH_BASH bash)
if(PITH_PYTHON AND PITH_BASH)
  add_test(NAME setup.pith COMMAND ${PITH_PYTHON} ${CMAKE_SOURCE_DIR}/tests/setup/pith_script_test.py)
  add_test(NAME setup.skipped_tests COMMAND ${PITH_PYTHON} ${CMAKE_SOURCE_DIR}/tests/setup/skipped_tests_test.py)
  add_test(NAME setup.notices COMMAND ${PITH_PYTHON} ${CMAKE_SOURCE_DIR}/tests/tools/notices_check.py ${CMAKE_SOURCE_DIR}
           $<TARGET_FILE:pith-run> $<TARGET_FILE:pith-export> $<$<BOOL:${PITH_TRAIN}>:$<TARGET_FILE:pith-train>>)
  set_tests_properties(setup.pith setup.skipped_tests setup.notices PROPERTIES TIMEOUT 300)
  if(PITH_TRAIN)
    add_test(NAME setup.link_order COMMAND ${PITH_PYTHON} ${CMAKE_SOURCE_DIR}/tests/setup/link_order_test.py
             $<TARGET_FILE:pith-train> $<TARGET_FILE:train_test>)
  endif()
endif()
add_test(NAME setup.install COMMAND ${CMAKE_COMMAND} -DBUILD=${CMAKE_BINARY_DIR} -P ${CMAKE_SOURCE_DIR}/tests/setup/install_test.cmake)
