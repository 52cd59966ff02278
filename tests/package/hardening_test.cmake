# Goal: the programs are built with the hardening that docs/security.md promises. Method: readelf; a
# program without one of the marks is named with it.
cmake_minimum_required(VERSION 3.25)
find_program(READELF readelf REQUIRED)

function(demand program what text pattern)
  if(NOT text MATCHES "${pattern}")
    message(SEND_ERROR "${program}: ${what} (no ${pattern})")
  endif()
endfunction()

foreach(program "${NEMCOND}" "${NEMCON}")
  execute_process(COMMAND "${READELF}" --wide --file-header --program-headers --dynamic --notes
    --dyn-syms "${program}" OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  demand("${program}" "is not position-independent" "${text}" "DYN \\(Position-Independent")
  demand("${program}" "has no read-only relocations" "${text}" "GNU_RELRO")
  demand("${program}" "binds lazily" "${text}" "BIND_NOW")
  demand("${program}" "has an executable stack" "${text}" "GNU_STACK [^\n]* RW  ")
  demand("${program}" "has no stack protector" "${text}" "__stack_chk_fail")
  demand("${program}" "has no checked calls of the C library" "${text}" "_chk@")
endforeach()
