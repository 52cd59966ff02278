# What every target of ours is built with. `nemcon_target(NAME)` applies it.
add_library(nemcon_options INTERFACE)
target_include_directories(nemcon_options INTERFACE "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
target_compile_options(nemcon_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  # Designated initialisers leave out members on purpose: each has its default beside it.
  -Wno-missing-field-initializers>)
if(NEMCON_WERROR)
  target_compile_options(nemcon_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(NEMCON_MUTANTS)
  target_compile_definitions(nemcon_options INTERFACE NEMCON_MUTANTS)
endif()
if(NEMCON_SANITIZE)
  target_compile_options(nemcon_options INTERFACE -fsanitize=${NEMCON_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(nemcon_options INTERFACE -fsanitize=${NEMCON_SANITIZE})
endif()

function(nemcon_target name)
  target_link_libraries(${name} PRIVATE nemcon_options)
endfunction()

# One test executable: nemcon_test(NAME SOURCES... LIBRARIES...)
function(nemcon_test name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  nemcon_target(${name})
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} GTest::gtest_main)
  # Not what is measured or simulated; a third of the time to compile it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  # A test that hangs is a failure soon, not after the 25 minutes of CTest.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 240)
endfunction()
