# quicsync::quicsync: the three rooms in one archive, and how it is installed.
# An archive has no link line of its own: these are what its users link. Public ones appear in the rooms' headers.
set(quicsync_public_libraries CAF::core tl::expected fmt::fmt)
set(quicsync_private_libraries
  PkgConfig::lz4 PkgConfig::xxhash PkgConfig::simdjson PkgConfig::nettle  # codec
  PkgConfig::ngtcp2 PkgConfig::gnutls absl::flat_hash_map                 # transport
  nlohmann_json::nlohmann_json PkgConfig::httplib PkgConfig::sqlite3 PkgConfig::prometheus spdlog::spdlog)  # actors

add_library(quicsync STATIC
  $<TARGET_OBJECTS:quicsync_codec> $<TARGET_OBJECTS:quicsync_transport> $<TARGET_OBJECTS:quicsync_actors>)
add_library(quicsync::quicsync ALIAS quicsync)
target_compile_features(quicsync PUBLIC cxx_std_20)
target_include_directories(quicsync PUBLIC
  $<BUILD_INTERFACE:${quicsync_include}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(quicsync PUBLIC ${quicsync_public_libraries} PRIVATE ${quicsync_private_libraries})
set_target_properties(quicsync PROPERTIES LINKER_LANGUAGE CXX)

install(TARGETS quicsync EXPORT quicsync ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(room codec transport actors)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/quicsync
          FILES_MATCHING PATTERN "*.hpp")
endforeach()
include(CMakePackageConfigHelpers)
install(EXPORT quicsync NAMESPACE quicsync:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/quicsync
        FILE quicsyncTargets.cmake)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/quicsyncConfig.cmake.in
  ${PROJECT_BINARY_DIR}/quicsyncConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/quicsync)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/quicsyncConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/quicsyncConfig.cmake ${PROJECT_BINARY_DIR}/quicsyncConfigVersion.cmake
        ${PROJECT_SOURCE_DIR}/cmake/quicsync_dependencies.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/quicsync)
