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
# Hardening (docs/security.md). Not under the sanitizers, which watch the same places their own way.
include(CheckPIESupported)
check_pie_supported()
option(NEMCON_HARDENING "Build with the compiler's and the linker's hardening" ON)
if(NEMCON_HARDENING AND NOT NEMCON_SANITIZE)
  target_compile_definitions(nemcon_options INTERFACE _GLIBCXX_ASSERTIONS
    $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=3>)
  target_compile_options(nemcon_options INTERFACE -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(nemcon_options INTERFACE -fcf-protection=full)
  endif()
  target_link_options(nemcon_options INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()
# No path of the machine that it is built on in what is built: the same sources give the same bytes.
target_compile_options(nemcon_options INTERFACE
  -ffile-prefix-map=${CMAKE_BINARY_DIR}=build -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(NEMCON_MUTANTS)
  target_compile_definitions(nemcon_options INTERFACE NEMCON_MUTANTS)
endif()
if(NEMCON_SANITIZE)
  target_compile_options(nemcon_options INTERFACE -fsanitize=${NEMCON_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(nemcon_options INTERFACE -fsanitize=${NEMCON_SANITIZE})
endif()

# Headers of the standard library, read once for a target of many sources. Not with gcc, whose builds
# show that each file includes what it uses.
option(NEMCON_PRECOMPILED_HEADERS "Precompile the standard library's headers" OFF)

function(nemcon_target name)
  target_link_libraries(${name} PRIVATE nemcon_options)
  get_target_property(sources ${name} SOURCES)
  list(LENGTH sources count)
  if(NEMCON_PRECOMPILED_HEADERS AND count GREATER 5)
    target_precompile_headers(${name} PRIVATE <algorithm> <chrono> <functional> <map> <memory> <optional>
      <string> <unordered_map> <variant> <vector> ${ARGN})
  endif()
endfunction()

# One test executable: nemcon_test(NAME SOURCES... LIBRARIES...)
function(nemcon_test name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  nemcon_target(${name} <gtest/gtest.h>)
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} GTest::gtest_main)
  # Not what is measured or simulated; a third of the time to compile it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0 -U_FORTIFY_SOURCE>)
  if(NEMCON_SANITIZE MATCHES "fuzzer-no-link")
    target_compile_options(${name} PRIVATE -fno-sanitize=fuzzer-no-link)  # A tenth of it as well.
  endif()
  # A test that hangs is a failure soon, not after the 25 minutes of CTest.
  # A minute and a half is the longest under a sanitizer, on a machine of its own.
  set(seconds_max 240)
  if(NEMCON_SANITIZE)
    set(seconds_max 600)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${seconds_max})
endfunction()
