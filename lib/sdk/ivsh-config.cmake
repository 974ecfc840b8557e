# SPDX-License-Identifier: MIT
# ivsh-config.cmake - what find_package(ivsh) defines, for the target that IVSH_TARGET names: host,
# x86_64, aarch64, riscv64, uefi-x86_64, uefi-aarch64. toolchain-ARCH.cmake sets it for a guest
# without an operating system; it is host by itself where the programs are Linux programs.
#
#   ivsh::ivsh         the library alone
#   ivsh::client       host: a process as a peer (ivsh/host.h, ivsh/client.h), and the library
#   ivsh::shared       host: the same as a shared library, libivsh-client.so.1
#   ivsh::bare         a guest without an operating system: start code, newlib, and the library
#   ivsh::conformance  where it is installed: the checks of a platform, and the library
#
# ivsh_LINKER_SCRIPT, ivsh_NEWLIB (which a project may set to another build of newlib) and
# ivsh_IMAGES are paths.
cmake_minimum_required(VERSION 3.13)

get_filename_component(_ivsh_lib "${CMAKE_CURRENT_LIST_DIR}/../../ivsh" ABSOLUTE)
get_filename_component(_ivsh_headers "${_ivsh_lib}/include/ivsh" REALPATH)
get_filename_component(ivsh_IMAGES "${_ivsh_headers}/../../share/ivsh" ABSOLUTE)

if(NOT DEFINED IVSH_TARGET AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(IVSH_TARGET host)
endif()
set(_ivsh_dir "${_ivsh_lib}/${IVSH_TARGET}")
if(NOT IVSH_TARGET OR NOT EXISTS "${_ivsh_dir}/libivsh.a")
  set(ivsh_FOUND FALSE)
  set(ivsh_NOT_FOUND_MESSAGE
      "IVSH_TARGET is '${IVSH_TARGET}': give the name of a folder of ${_ivsh_lib}, or a toolchain file")
  return()
endif()
set(ivsh_LINKER_SCRIPT "${_ivsh_dir}/ivsh.ld")
if(NOT ivsh_NEWLIB)
  set(ivsh_NEWLIB "${_ivsh_dir}/newlib")
endif()

function(_ivsh_archive name file)
  if(EXISTS "${file}" AND NOT TARGET ivsh::${name})
    add_library(ivsh::${name} STATIC IMPORTED)
    set_target_properties(ivsh::${name} PROPERTIES
      IMPORTED_LOCATION "${file}"
      INTERFACE_INCLUDE_DIRECTORIES "${_ivsh_lib}/include"
      INTERFACE_LINK_LIBRARIES "${ARGN}")
  endif()
endfunction()

_ivsh_archive(ivsh "${_ivsh_dir}/libivsh.a")
_ivsh_archive(client "${_ivsh_dir}/libivsh-client.a" ivsh::ivsh)
if(IVSH_TARGET STREQUAL "host" AND NOT TARGET ivsh::shared)
  get_filename_component(_ivsh_shared "${_ivsh_lib}/../libivsh-client.so.1" ABSOLUTE)
  if(EXISTS "${_ivsh_shared}")
    add_library(ivsh::shared SHARED IMPORTED)
    set_target_properties(ivsh::shared PROPERTIES
      IMPORTED_LOCATION "${_ivsh_shared}"
      IMPORTED_SONAME libivsh-client.so.1
      INTERFACE_INCLUDE_DIRECTORIES "${_ivsh_lib}/include")
  endif()
endif()
_ivsh_archive(conformance "${_ivsh_dir}/libivsh-conformance.a" ivsh::ivsh)

# The archives need each other: the start code calls main(), and newlib the start code's archive.
if(EXISTS "${_ivsh_dir}/libivsh-bare.a" AND NOT TARGET ivsh::bare)
  add_library(ivsh::bare INTERFACE IMPORTED)
  set_target_properties(ivsh::bare PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_ivsh_lib}/include"
    INTERFACE_LINK_LIBRARIES "-Wl,-T,${ivsh_LINKER_SCRIPT};-Wl,--start-group;${_ivsh_dir}/libivsh-bare.a;${_ivsh_dir}/libivsh.a;${ivsh_NEWLIB}/lib/libc.a;-lgcc;-Wl,--end-group"
    INTERFACE_LINK_DEPENDS "${ivsh_LINKER_SCRIPT}")
endif()
