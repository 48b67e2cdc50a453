# penumbra_library(NAME MODULE): the imported library NAME out of the pkg-config module MODULE, by
# its static archives where they are installed. A program that boots a guest in two milliseconds
# notices each shared library that it waits for.
option(PENUMBRA_STATIC_LIBRARIES "link libelf and jansson statically where possible" ON)

function(penumbra_library name module)
  pkg_check_modules(${name} REQUIRED ${module})
  set(libraries ${${name}_LINK_LIBRARIES})
  if(PENUMBRA_STATIC_LIBRARIES)
    set(archives)
    foreach(library ${${name}_STATIC_LIBRARIES})
      find_library(${name}_${library}_ARCHIVE lib${library}.a HINTS ${${name}_STATIC_LIBRARY_DIRS})
      mark_as_advanced(${name}_${library}_ARCHIVE)
      list(APPEND archives ${${name}_${library}_ARCHIVE})
    endforeach()
    if(NOT archives MATCHES "NOTFOUND")
      set(libraries ${archives})
    endif()
  endif()
  add_library(${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${name} INTERFACE ${${name}_INCLUDE_DIRS})
  target_link_libraries(${name} INTERFACE ${libraries})
endfunction()
