# SPDX-License-Identifier: MIT
# toolchain-@TARGET@.cmake - compiles guests without an operating system for @TARGET@, over newlib:
# cmake -DCMAKE_TOOLCHAIN_FILE=.../toolchain-@TARGET@.cmake, find_package(ivsh), and
# target_link_libraries(NAME ivsh::bare).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR @TARGET@)
set(IVSH_TARGET @TARGET@)
set(ivsh_DIR "${CMAKE_CURRENT_LIST_DIR}")

if(NOT CMAKE_C_COMPILER)
  set(CMAKE_C_COMPILER @CC@)
endif()
if(NOT CMAKE_CXX_COMPILER)
  set(CMAKE_CXX_COMPILER @CXX@)
endif()
# No program links before find_package(ivsh).
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

get_filename_component(_ivsh_newlib "${CMAKE_CURRENT_LIST_DIR}/../../ivsh/@TARGET@/newlib" ABSOLUTE)
if(ivsh_NEWLIB)
  set(_ivsh_newlib "${ivsh_NEWLIB}")
endif()
set(CMAKE_C_FLAGS_INIT "--sysroot=${_ivsh_newlib} -isystem ${_ivsh_newlib}/include @CFLAGS@")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT} @CXXFLAGS@")
set(CMAKE_ASM_FLAGS_INIT "@CFLAGS@")
set(CMAKE_EXE_LINKER_FLAGS_INIT "@LDFLAGS@")
