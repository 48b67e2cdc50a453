# What `cmake --install` puts where: program, guests, library, headers, pkg-config file, man pages.
# All of it finds its way from where it lies, so that --prefix may be given at any time.
install(TARGETS penumbra_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS penumbra ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS penumbra-bare RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR}/penumbra)
install(DIRECTORY ${CMAKE_BINARY_DIR}/guest/ DESTINATION ${CMAKE_INSTALL_LIBDIR}/penumbra/guest
        FILES_MATCHING PATTERN "*.elf" PATTERN CMakeFiles EXCLUDE)
install(DIRECTORY include/penumbra DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")

file(RELATIVE_PATH PENUMBRA_PREFIX_FROM_PC
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/penumbra.pc.in ${CMAKE_BINARY_DIR}/penumbra.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/penumbra.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
