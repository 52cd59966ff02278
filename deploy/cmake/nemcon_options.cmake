# Several sources to a run of the compiler: what they include is read once, what they instantiate is
# compiled once. Not with gcc, whose builds show that each file includes what it uses.
option(NEMCON_UNITY "Compile several sources of a target at a time" OFF)
# What has a name without linkage that another source of its target has too, and so needs its own run.
set(compiled_alone
  audit.cpp cast.cpp client_socket.cpp codec_micro.cpp config.cpp config_keys_test.cpp
  config_test.cpp decode.cpp drive.cpp file.cpp golden_test.cpp intake_test.cpp
  journal_damage_test.cpp members_file.cpp membership_cli_test.cpp network.cpp
  opening_test.cpp oracle_test.cpp penalties_test.cpp producer.cpp quotas_test.cpp report_test.cpp
  segment.cpp server.cpp session_test.cpp stock.cpp taker.cpp)

# What every target of ours is built with. `nemcon_target(NAME)` applies it.
add_library(nemcon_options INTERFACE)
target_include_directories(nemcon_options INTERFACE "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>")
target_compile_options(nemcon_options INTERFACE
  # A source is shadowed by nothing of the others that it is compiled with.
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic $<$<NOT:$<BOOL:${NEMCON_UNITY}>>:-Wshadow> -Wconversion -Wsign-conversion
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
# Not in programs that no sanitizer runs, which only must compile: a third of the time.
define_property(TARGET PROPERTY NEMCON_UNWATCHED INITIALIZE_FROM_VARIABLE NEMCON_UNWATCHED)
# Nor what guides a fuzzer in tests: a tenth of it.
define_property(TARGET PROPERTY NEMCON_UNGUIDED)
if(NEMCON_SANITIZE)
  set(unwatched $<BOOL:$<TARGET_PROPERTY:NEMCON_UNWATCHED>>)
  target_compile_options(nemcon_options INTERFACE
    $<$<NOT:${unwatched}>:-fsanitize=${NEMCON_SANITIZE}> $<${unwatched}:-O0>
    -fno-omit-frame-pointer $<$<NOT:${unwatched}>:-fno-sanitize-recover=all>)
  if(NEMCON_SANITIZE MATCHES "fuzzer-no-link")
    target_compile_options(nemcon_options INTERFACE
      $<$<BOOL:$<TARGET_PROPERTY:NEMCON_UNGUIDED>>:-fno-sanitize=fuzzer-no-link>)
  endif()
  target_link_options(nemcon_options INTERFACE -fsanitize=${NEMCON_SANITIZE})
endif()

function(nemcon_target name)
  target_link_libraries(${name} PRIVATE nemcon_options)
  if(NEMCON_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    get_target_property(sources ${name} SOURCES)
    foreach(source ${sources})
      get_filename_component(file ${source} NAME)
      if(file IN_LIST compiled_alone)
        set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endif()
endfunction()

# One test executable: nemcon_test(NAME SOURCES... LIBRARIES...)
function(nemcon_test name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  nemcon_target(${name})
  target_link_libraries(${name} PRIVATE ${T_LIBRARIES} GTest::gtest_main)
  # Not what is measured or simulated; a third of the time to compile it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0 -U_FORTIFY_SOURCE>)
  set_target_properties(${name} PROPERTIES NEMCON_UNGUIDED ON)
  # A test that hangs is a failure soon, not after the 25 minutes of CTest.
  # A minute and a half is the longest under a sanitizer, on a machine of its own.
  set(seconds_max 240)
  if(NEMCON_SANITIZE)
    set(seconds_max 600)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${seconds_max})
endfunction()
