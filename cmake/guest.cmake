# penumbra_guest(NAME source... [OPTIONS flag...] [OBJECTS file...] [SCRIPT file])
#
# Builds the guest NAME.elf in the binary directory of the caller: a static ELF64 file without a
# libc, for CPL 0 and general registers only. SCRIPT is a linker script; without one, the linker
# puts the guest at 4 MiB. Guests have flags of their own: what the host programs are built with
# (sanitizers, coverage, PIE, stack protectors) cannot work in them and is taken back here.

set(PENUMBRA_GUEST_OPTIONS
  -O2 -g -ffreestanding -mgeneral-regs-only -mno-red-zone -fno-stack-protector -fno-pic -fno-pie
  -fcf-protection=none -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-lto
  -fno-sanitize=all -fno-profile-arcs -fno-test-coverage
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
set(PENUMBRA_GUEST_LINK_OPTIONS
  -static -nostdlib $<$<C_COMPILER_ID:GNU>:-no-pie> -fno-lto -fno-sanitize=all
  -Wl,-z,max-page-size=4096,-z,noexecstack,--build-id=none)

# Replaces what the target has from its directory.
function(penumbra_guest_flags target)
  set_target_properties(${target} PROPERTIES
    COMPILE_OPTIONS "${PENUMBRA_GUEST_OPTIONS}"
    COMPILE_DEFINITIONS ""
    INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include;${PROJECT_SOURCE_DIR}/guest/include"
    LINK_OPTIONS "${PENUMBRA_GUEST_LINK_OPTIONS}"
    LINK_LIBRARIES ""
    POSITION_INDEPENDENT_CODE OFF
    INTERPROCEDURAL_OPTIMIZATION OFF
    C_EXTENSIONS ON)
  if(PENUMBRA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
    target_link_options(${target} PRIVATE -Wl,--fatal-warnings)
  endif()
endfunction()

function(penumbra_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCRIPT" "OPTIONS;OBJECTS")
  add_executable(${name}.elf ${arg_UNPARSED_ARGUMENTS} ${arg_OBJECTS})
  penumbra_guest_flags(${name}.elf)
  target_compile_options(${name}.elf PRIVATE ${arg_OPTIONS})
  set_target_properties(${name}.elf PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  if(arg_SCRIPT)
    target_link_options(${name}.elf PRIVATE -Wl,-T,${arg_SCRIPT})
    set_target_properties(${name}.elf PROPERTIES LINK_DEPENDS ${arg_SCRIPT})
  else()
    target_link_options(${name}.elf PRIVATE -Wl,-Ttext-segment=0x400000)
  endif()
endfunction()
