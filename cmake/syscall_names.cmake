# cmake -DCC=COMPILER -DTO=FILE -P syscall_names.cmake: the names of the system calls by their
# numbers, as a C table, out of the C library's header.
set(source ${TO}.c)
file(WRITE ${source} "#include <sys/syscall.h>\n")
execute_process(COMMAND ${CC} -E -dM ${source} OUTPUT_VARIABLE macros COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${source})
string(REGEX MATCHALL "#define __NR_[a-z0-9_]+ [0-9]+" lines "${macros}")
set(table "static const char *const syscall_names[] = {\n")
foreach(line ${lines})
  string(REGEX REPLACE "#define __NR_([a-z0-9_]+) ([0-9]+)" "\t[\\2] = \"\\1\",\n" row "${line}")
  string(APPEND table "${row}")
endforeach()
file(WRITE ${TO} "${table}};\n")
