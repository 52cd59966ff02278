# Installs what was built into an empty prefix, then builds and runs a stranger's project against
# it: by find_package, and by pkg-config.
#
#   cmake -DBUILD=... -DWORK=... -DSOURCE=... -DCXX=... -P package_test.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
    ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK}")
set(prefix "${WORK}/prefix")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}" --component client)

run("${CMAKE_COMMAND}" -S "${SOURCE}/consumer" -B "${WORK}/build" -G Ninja
  "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_CXX_COMPILER=${CXX}"
  "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${prefix}/lib" "${WORK}/build/stranger")
if(NOT output MATCHES "retryable")
  message(FATAL_ERROR "the stranger said: ${output}")
endif()

file(GLOB_RECURSE pc "${prefix}/nemcon.pc")
get_filename_component(pc_directory "${pc}" DIRECTORY)
execute_process(COMMAND "${CMAKE_COMMAND}" -E env "PKG_CONFIG_PATH=${pc_directory}"
  pkg-config --cflags nemcon OUTPUT_VARIABLE cflags OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
if(NOT cflags MATCHES "^-I[^ ]*/include$")
  message(FATAL_ERROR "pkg-config --cflags gives more than our own directory: ${cflags}")
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" -E env "PKG_CONFIG_PATH=${pc_directory}"
  pkg-config --static --libs nemcon OUTPUT_VARIABLE libs OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(cflags UNIX_COMMAND "${cflags}")
separate_arguments(libs UNIX_COMMAND "${libs}")
run("${CXX}" -std=c++20 ${cflags} "${SOURCE}/consumer/main.cpp" -o "${WORK}/by_pkg_config" ${libs})
run("${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${prefix}/lib" "${WORK}/by_pkg_config")

run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}" --component node)
run("${prefix}/bin/nemcond" --version)
if(NOT output MATCHES "^nemcond [0-9]")
  message(FATAL_ERROR "nemcond --version said: ${output}")
endif()

run("${prefix}/bin/nemcon" --version)
if(NOT output MATCHES "^nemcon [0-9]")
  message(FATAL_ERROR "nemcon --version said: ${output}")
endif()
