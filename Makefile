# SPDX-License-Identifier: MIT
#
# One source tree, several ways to compile it. A target is a folder of build/:
# build/<target>/<path>.o comes from <path>.c or <path>.S, by the one rule below
# that names the target. Every source is listed here by name.
#
#   host          programs and tests of this machine
#   host-san      the same sources under AddressSanitizer and UndefinedBehaviorSanitizer
#   host-hook     the same, with the core calling a hook at each access of shared memory
#   host-fuzz     the same by clang, for libFuzzer
#   host-tsan     two threads as two peers under ThreadSanitizer, by clang
#   *-linux       the library's tests for other processors, linked statically, for qemu-user
#   x86_64        freestanding: the libraries, and the guest programs over newlib
#   uefi-x86_64   ivsh.efi

MAKEFLAGS += -rR
unexport CDPATH
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifneq ($(V),1)
Q := @
endif

# --- Toolchains -------------------------------------------------------------------------------
# The caller's CC, AR, LD and OBJCOPY are taken from the command line or the environment.
ifneq ($(filter undefined default,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter undefined default,$(origin AR)),)
AR := ar
endif
ifneq ($(filter undefined default,$(origin LD)),)
LD := ld
endif
OBJCOPY      ?= objcopy
CLANG        := clang
CLANG_FORMAT := clang-format
PYTHON       := /usr/bin/python3

# So are CPPFLAGS, CFLAGS and LDFLAGS, for what is installed and runs on this machine: the host
# programs and build/host/libivsh.a. They come behind the project's own. A guest has no C library
# that could answer _FORTIFY_SOURCE or a stack protector, so none of them reach its objects.
CPPFLAGS ?=
CFLAGS   ?=
LDFLAGS  ?=

# gcc-12, clang-14. What only gcc understands: clang stops at an option that it does not know.
COMPILER := $(shell $(CC) -v 2>&1 | sed -n 's/.*\(gcc\|clang\) version \([0-9]*\).*/\1-\2/p')
GCC_ONLY = $(if $(filter clang-%,$(COMPILER)),,$(1))

WARN := -Wall -Wextra -Werror -Wshadow -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes \
        -Wundef -Wvla -Wpointer-arith -Wwrite-strings -Wold-style-definition -Wconversion \
        -Wno-sign-conversion
# One root for each tree: "core/ring.h", "app/app.h", "server/clients.h", "tests/lib/test.h".
ROOTS := -iquote lib -iquote firmware -iquote host -iquote .
BASE := -std=c11 -O2 -g -MMD -MP -Ilib/include $(ROOTS) $(WARN)
BARE := $(BASE) -ffreestanding -fno-builtin -fno-pic -fno-pie -fno-stack-protector \
        -fno-asynchronous-unwind-tables -fno-common -m64 -mno-red-zone -fcf-protection=none

HOST_CFLAGS     := $(BASE) -D_GNU_SOURCE -fPIE -fstack-protector-strong
HOST_SAN_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all \
                   -fsanitize=address,undefined
HOST_HOOK_CFLAGS := $(HOST_SAN_CFLAGS) -DIVSH_HOOK
HOST_FUZZ_CFLAGS := $(HOST_HOOK_CFLAGS) -fsanitize=fuzzer-no-link
HOST_TSAN_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -fsanitize=thread
CROSS_CFLAGS     := $(BASE) -D_GNU_SOURCE -fno-pie
X86_64_CFLAGS   := $(BARE) -mgeneral-regs-only -ffunction-sections -fdata-sections

# Other processors: the library's tests as Linux programs.
AARCH64_CC := aarch64-linux-gnu-gcc
RISCV64_CC := riscv64-linux-gnu-gcc
ARMHF_CC   := arm-linux-gnueabihf-gcc
I386_CC    := i686-linux-gnu-gcc
# Two that have no access of 8 bytes: a Cortex-M4 (build/armv7m-linux) and a 386 without floating
# point (build/i386-nofp-linux).
ARMV7M     := $(ARMHF_CC) -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16
I386_NOFP  := $(I386_CC) -mgeneral-regs-only

# Programs over newlib: its headers and the compiler's, no others.
NEWLIB        := build/newlib/x86_64-elf
CC_INCLUDE    := $(shell $(CC) -print-file-name=include 2>/dev/null)
GUEST_CFLAGS  := $(BARE) -nostdinc -isystem $(NEWLIB)/include -isystem $(CC_INCLUDE)
LIBC          := $(NEWLIB)/lib/libc.a

# ivsh.efi: gnu-efi's headers and start-up code, and newlib. The compiler knows where: 3.0 has its
# files in /usr/lib, 4.0 in the folder of the architecture. It answers the bare name of what is
# missing. -fshort-wchar makes L"" the firmware's UCS-2.
EFI_INCLUDE   := /usr/include/efi
EFI_CRT       := $(shell $(CC) -print-file-name=crt0-efi-x86_64.o 2>/dev/null)
EFI_LIB       := $(shell $(CC) -print-file-name=libgnuefi.a 2>/dev/null)
UEFI_CFLAGS   := $(BASE) -ffreestanding -fno-builtin -fpic -fvisibility=hidden -fshort-wchar \
                 -fno-stack-protector -fno-asynchronous-unwind-tables -fno-common -m64 \
                 -mno-red-zone -fcf-protection=none $(call GCC_ONLY,-maccumulate-outgoing-args) \
                 -DGNU_EFI_USE_MS_ABI -nostdinc -isystem $(NEWLIB)/include \
                 -isystem $(CC_INCLUDE) -isystem $(EFI_INCLUDE) \
                 -isystem $(EFI_INCLUDE)/x86_64

# It has the interrupt handler, which saves no other registers.
build/uefi-x86_64/firmware/uefi/interrupts.o: UEFI_CFLAGS += -mgeneral-regs-only

# The server's fuzzers have its clock, and can kill it at each of its stores: tests/fuzz/serving.h.
build/host-fuzz/%: FUZZ_HOOKS :=
build/host-fuzz/host/server/%: FUZZ_HOOKS := -fsanitize-coverage=trace-stores \
                                             -Dclock_gettime=serving_clock

# In a guest everything that no message passes through is compiled for size: gcc 12's -Oz without
# what makes this code longer, not shorter. What messages pass through goes without padding.
SMALL := -Oz -fno-optimize-sibling-calls \
         $(call GCC_ONLY,-fno-guess-branch-probability -fno-tree-coalesce-vars)
build/%: SIZED :=
build/x86_64/lib/device/%: SIZED := $(SMALL)
build/x86_64/lib/core/%: SIZED := $(SMALL)
$(addprefix build/x86_64/lib/core/,send.o receive.o batch.o place.o): \
    SIZED := -fno-align-functions $(call GCC_ONLY,-fno-align-jumps -fno-align-loops)

# --- Sources ----------------------------------------------------------------------------------
CORE   := lib/core/error.c lib/core/layout.c lib/core/format.c lib/core/region.c \
          lib/core/claim.c lib/core/nonce.c lib/core/discard.c lib/core/slot.c lib/core/peer.c \
          lib/core/channel.c lib/core/sender.c lib/core/send.c lib/core/place.c \
          lib/core/receiver.c lib/core/receive.c lib/core/batch.c lib/core/reset.c \
          lib/core/wait.c lib/core/news.c lib/core/service.c lib/core/next.c lib/core/stream.c
DEVICE := lib/device/config.c lib/device/pci.c lib/device/bridge.c lib/device/assign.c \
          lib/device/msix.c lib/device/device.c
LIB    := $(CORE) $(DEVICE)
X86    := lib/bare/x86_64/start.S lib/bare/x86_64/check.S lib/bare/x86_64/vectors.S \
          lib/bare/x86_64/machine.c lib/bare/x86_64/console.c lib/bare/x86_64/screen.c \
          lib/bare/x86_64/trap.c lib/bare/x86_64/paging.c lib/bare/x86_64/pvh.c \
          lib/bare/x86_64/heap.c lib/bare/x86_64/apic.c lib/bare/x86_64/clock.c \
          lib/bare/x86_64/calibrate.c lib/bare/x86_64/platform.c lib/bare/x86_64/power.c
ONLIBC := lib/bare/newlib/start.c lib/bare/newlib/args.c lib/bare/newlib/name.c \
          lib/bare/newlib/syscalls.c
GUEST  := firmware/guest/main.c firmware/x86_64/memtype.c
APP    := firmware/app/app.c firmware/app/options.c firmware/app/choose.c firmware/app/session.c \
          firmware/app/info.c firmware/app/watch.c firmware/app/demo.c firmware/app/link.c \
          firmware/app/exchange.c firmware/app/echo.c firmware/app/bench.c \
          firmware/app/sink.c firmware/app/ack.c firmware/app/report.c firmware/app/text.c
UEFI   := firmware/x86_64/memtype.c firmware/uefi/main.c firmware/uefi/args.c firmware/uefi/clock.c \
          firmware/uefi/com1.c firmware/uefi/console.c firmware/uefi/interrupts.c \
          firmware/uefi/nonce.c firmware/uefi/platform.c firmware/uefi/syscalls.c \
          firmware/uefi/unlisted.c
BACKEND := host/backend/backend.c host/backend/kinds.c host/backend/cgroup.c \
          host/backend/entry.c host/backend/trust.c
OPTIONS := host/server/options.c host/server/settings.c host/server/bindings.c \
          host/server/config.c host/server/accounts.c host/server/known.c host/server/help.c \
          host/server/sizes.c host/server/descriptors.c host/server/log.c
CONTROL := host/control/status.c host/control/args.c host/control/place.c host/control/fetch.c \
          host/control/ask.c host/control/answer.c host/control/lines.c host/control/process.c \
          host/control/text.c host/control/json.c host/control/prometheus.c host/control/qemu.c \
          host/control/libvirt.c host/control/write.c host/control/say.c
PROCESS := host/process/inherited.c host/process/holder.c
SERVER := host/server/main.c host/server/keeper.c host/server/holdings.c host/server/child.c \
          host/server/acceptor.c host/server/listener.c host/server/publish.c host/server/memory.c \
          host/server/notify.c host/server/daemon.c host/server/marks.c \
          host/server/ledger.c host/server/link.c \
          host/server/server.c host/server/touch.c host/server/isolate.c host/server/rebind.c \
          host/server/takeover.c host/server/clients.c host/server/batch.c \
          host/server/notices.c host/server/admission.c host/server/caller.c host/server/ids.c \
          host/server/slots.c host/server/page.c host/server/control.c \
          host/server/report.c $(OPTIONS) $(CONTROL) host/control/stop.c \
          $(BACKEND) $(PROCESS)
# What of it works in the ledger, and needs no process of its own.
SERVING := host/server/ledger.c host/server/takeover.c host/server/clients.c \
          host/server/batch.c host/server/notices.c host/server/admission.c host/server/caller.c \
          host/server/ids.c \
          host/server/slots.c host/server/page.c host/server/control.c host/server/report.c
CLIENT := host/client/client.c host/client/announcements.c host/client/messages.c \
          host/client/peers.c host/client/doorbell.c
PEER   := host/peer/main.c host/peer/options.c host/peer/output.c host/peer/stop.c \
          host/peer/join.c host/peer/session.c host/peer/wait.c host/peer/look.c host/peer/ls.c \
          host/peer/watch.c \
          host/peer/text.c host/peer/ping.c host/peer/echo.c \
          host/peer/flow.c host/peer/target.c $(CLIENT) host/process/inherited.c

# Test programs of the host: build/host/<name> and, under sanitizers, build/host-san/<name>.
TESTS_DEVICE := tests/device/config_test tests/device/pci_test tests/device/assign_test \
                tests/device/device_test tests/device/msix_test
TESTS_CORE   := tests/core/layout_test tests/core/region_test tests/core/peer_test \
                tests/core/channel_test tests/core/restart_test tests/core/writers_test \
                tests/core/hostile_test tests/core/wait_test tests/core/stream_test tests/core/reset_test \
                tests/core/events_test tests/core/service_test tests/core/next_test \
                tests/core/batch_test tests/core/way_test tests/core/broken_test
# What stores and loads words of 8 bytes where the machine has no such access.
TESTS_HALVES := tests/core/region_test tests/core/channel_test tests/core/restart_test \
                tests/core/reset_test tests/core/batch_test tests/core/next_test
TESTS_RACE   := tests/core/race_test
TESTS_HOOK   := tests/core/storm_test
TESTS_COUNT  := tests/core/mesh_test tests/core/crash_test tests/core/look_test \
                tests/core/pause_test
TESTS_TSAN   := tests/core/pair_test
TESTS_KILL   := tests/host/kill_test
TESTS_ROAD   := tests/host/control_test \
                tests/host/backend_test tests/host/client_test tests/host/bells_test \
                tests/host/sizes_test tests/host/config_test tests/host/notices_test \
                tests/host/takeover_test tests/host/cgroup_test
TESTS_UEFI   := tests/uefi/args_test
FUZZERS_LIB    := attach receive send stream slots device pvh args efi_args client
FUZZERS_SERVER := config control clients ledger answer
FUZZ_LIB       := $(FUZZERS_LIB:%=build/host-fuzz/tests/fuzz/%_fuzz)
FUZZ_SERVER    := $(FUZZERS_SERVER:%=build/host-fuzz/tests/fuzz/%_fuzz)

# --- newlib: Debian's newlib-source, built once -----------------------------------------------
# One libc.a for both worlds: position-independent for ivsh.efi, and yet without a GOT where an
# image is linked at a fixed place (linker/tail.ld): the linker turns every load of an address from
# the GOT into the address itself, if no vector register loads two of them at once
# (-fno-tree-vectorize) and no weak symbol is compared with 0 (-D__weak__=). Not the nano printf: it
# is 19 KB smaller and prints rubbish for %llu and %zu.
NEWLIB_CFLAGS := -O2 -fpie -fvisibility=hidden -ffreestanding -fno-builtin -U__linux__ -m64 \
                 -mno-red-zone -fcf-protection=none -fno-stack-protector \
                 -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
                 -fno-tree-vectorize -D__weak__=
NEWLIB_CONFIG := --disable-multilib --disable-nls --disable-libgloss \
                 --disable-newlib-supplied-syscalls --enable-newlib-nano-malloc \
                 --enable-newlib-io-long-long --enable-newlib-io-c99-formats \
                 --enable-newlib-reent-small --disable-newlib-wide-orient \
                 --enable-newlib-global-atexit \
                 --disable-newlib-fvwrite-in-streamio --disable-newlib-fseek-optimization \
                 --disable-newlib-unbuf-stream-opt

# Its make is another make: nothing of this one's flags may reach it.
$(LIBC):
	@echo "NEWLIB  $@ (about a minute; log in build/newlib/x86_64.log)"
	$(Q)ls /usr/src/newlib/newlib-*.tar.xz >/dev/null || \
	    { echo "newlib's source is missing: ./setup.sh run"; exit 1; }
	$(Q)rm -rf build/newlib/work $(NEWLIB) && mkdir -p build/newlib/work/src build/newlib/work/obj
	$(Q)tar -xf /usr/src/newlib/newlib-*.tar.xz --strip-components=1 -C build/newlib/work/src
	$(Q)cd build/newlib/work/obj && env -i PATH="$$PATH" sh -e -c ' \
	    ../src/configure --target=x86_64-elf --prefix="$$PWD/../out" $(NEWLIB_CONFIG) \
	        CC_FOR_TARGET=gcc AS_FOR_TARGET=as LD_FOR_TARGET=ld AR_FOR_TARGET=ar \
	        RANLIB_FOR_TARGET=ranlib NM_FOR_TARGET=nm STRIP_FOR_TARGET=strip \
	        OBJDUMP_FOR_TARGET=objdump READELF_FOR_TARGET=readelf \
	        CFLAGS_FOR_TARGET="$(NEWLIB_CFLAGS)"; \
	    make -j2 all-target-newlib MAKEINFO=true; \
	    make install-target-newlib MAKEINFO=true' >../../x86_64.log 2>&1 || \
	    { tail -n 20 ../../x86_64.log; exit 1; }
	$(Q)mv build/newlib/work/out/x86_64-elf $(NEWLIB) && rm -rf build/newlib/work

# --- Rules: one per target and language -------------------------------------------------------
# Objects depend on who compiles and on the caller's flags. Written anew only when these have
# changed, and not by `make install`, which may be called without the flags of the build.
FLAGS := $(CC) $(COMPILER); $(CPPFLAGS); $(CFLAGS); $(LDFLAGS)
build/flags: $(if $(filter install,$(MAKECMDGOALS)),,FORCE)
	$(Q)mkdir -p build && printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@.now
	$(Q)if cmp -s $@.now $@; then rm $@.now; else mv $@.now $@; fi
.PHONY: FORCE
FORCE:

build/host/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

build/host-san/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_SAN_CFLAGS) -c $< -o $@

build/host-hook/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_HOOK_CFLAGS) -c $< -o $@

build/host-fuzz/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CLANG) $(HOST_FUZZ_CFLAGS) $(FUZZ_HOOKS) -c $< -o $@

build/host-tsan/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CLANG) $(HOST_TSAN_CFLAGS) -c $< -o $@

build/x86_64/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(X86_64_CFLAGS) $(SIZED) -c $< -o $@

build/aarch64-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(AARCH64_CC) $(CROSS_CFLAGS) -c $< -o $@

build/riscv64-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(RISCV64_CC) $(CROSS_CFLAGS) -c $< -o $@

build/armhf-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(ARMHF_CC) $(CROSS_CFLAGS) -c $< -o $@

build/i386-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(I386_CC) $(CROSS_CFLAGS) -c $< -o $@

# The linker puts no Cortex-M beside Linux' C library if it is told of it.
build/armv7m-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(ARMV7M) $(CROSS_CFLAGS) -c $< -o $@
	$(Q)arm-linux-gnueabihf-objcopy -R .ARM.attributes $@

build/i386-nofp-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(I386_NOFP) $(CROSS_CFLAGS) -c $< -o $@

build/x86_64/firmware/%.o: firmware/%.c build/flags | $(LIBC)
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -c $< -o $@

build/x86_64/tests/%.o: tests/%.c build/flags | $(LIBC)
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -c $< -o $@

build/x86_64/lib/bare/newlib/%.o: lib/bare/newlib/%.c build/flags | $(LIBC)
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -c $< -o $@

build/x86_64/%.o: %.S build/flags
	@echo "AS      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(X86_64_CFLAGS) -c $< -o $@

build/uefi-x86_64/%.o: %.c build/flags | $(LIBC)
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)test -e $(EFI_CRT) || { echo "gnu-efi is missing: ./setup.sh run"; exit 1; }
	$(Q)$(CC) $(UEFI_CFLAGS) -c $< -o $@

build/%.a:
	@echo "AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# --- Tests of the host: a program from its own objects and those that a line here adds ----------
$(TESTS_DEVICE:%=build/host/%): build/host/tests/device/fake_platform.o \
    build/host/tests/device/machines.o $(DEVICE:%.c=build/host/%.o)
$(TESTS_DEVICE:%=build/host-san/%): build/host-san/tests/device/fake_platform.o \
    build/host-san/tests/device/machines.o $(DEVICE:%.c=build/host-san/%.o)

$(TESTS_CORE:%=build/host/%) $(TESTS_RACE:%=build/host/%) build/host/tests/core/example_test: \
    build/host/tests/core/world.o $(CORE:%.c=build/host/%.o)
$(TESTS_CORE:%=build/host-san/%) $(TESTS_RACE:%=build/host-san/%): \
    build/host-san/tests/core/world.o $(CORE:%.c=build/host-san/%.o)

$(TESTS_HOOK:%=build/host-hook/%): build/host-hook/tests/core/world.o \
    build/host-hook/tests/lib/hostile_peer.o $(CORE:%.c=build/host-hook/%.o)

# These have a hook of their own.
$(TESTS_COUNT:%=build/host-hook/%): build/host-hook/tests/core/world.o $(CORE:%.c=build/host-hook/%.o)

$(TESTS_TSAN:%=build/host-tsan/%): $(CORE:%.c=build/host-tsan/%.o)

$(TESTS_KILL:%=build/host/%): build/host/tests/host/numbers.o $(CORE:%.c=build/host/%.o)

build/host/tests/host/backend_test: $(BACKEND:%.c=build/host/%.o)
build/host-san/tests/host/backend_test: $(BACKEND:%.c=build/host-san/%.o)
build/host/tests/host/cgroup_test: build/host/host/backend/cgroup.o
build/host-san/tests/host/cgroup_test: build/host-san/host/backend/cgroup.o
build/host/tests/host/client_test: $(CLIENT:%.c=build/host/%.o)
build/host-san/tests/host/client_test: $(CLIENT:%.c=build/host-san/%.o)
build/host/tests/host/bells_test: $(CLIENT:%.c=build/host/%.o) $(CORE:%.c=build/host/%.o)
build/host-san/tests/host/bells_test: $(CLIENT:%.c=build/host-san/%.o) \
    $(CORE:%.c=build/host-san/%.o)
build/host/tests/host/control_test: $(CONTROL:%.c=build/host/%.o)
build/host-san/tests/host/control_test: $(CONTROL:%.c=build/host-san/%.o)
build/host/tests/host/config_test: $(OPTIONS:%.c=build/host/%.o) $(CORE:%.c=build/host/%.o)
build/host-san/tests/host/config_test: $(OPTIONS:%.c=build/host-san/%.o) \
    $(CORE:%.c=build/host-san/%.o)
TESTS_SERVING := tests/host/notices_test tests/host/takeover_test
$(TESTS_SERVING:%=build/host/%): build/host/host/server/log.o build/host/host/server/link.o \
    $(SERVING:%.c=build/host/%.o)
$(TESTS_SERVING:%=build/host-san/%): build/host-san/host/server/log.o \
    build/host-san/host/server/link.o $(SERVING:%.c=build/host-san/%.o)
build/host/tests/host/sizes_test: build/host/host/server/sizes.o
build/host-san/tests/host/sizes_test: build/host-san/host/server/sizes.o

$(TESTS_UEFI:%=build/host/%): build/host/firmware/uefi/args.o
$(TESTS_UEFI:%=build/host-san/%): build/host-san/firmware/uefi/args.o

build/host/tests/host/load: build/host/tests/host/load.o build/host/tests/host/swarm.o \
    build/host/tests/host/visits.o
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

build/host/tests/%_test: build/host/tests/%_test.o build/host/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $(filter %.o %.a,$^) -o $@

build/host-san/tests/%_test: build/host-san/tests/%_test.o build/host-san/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_SAN_CFLAGS) -pie $(filter %.o %.a,$^) -o $@

build/host-hook/tests/%_test: build/host-hook/tests/%_test.o build/host-hook/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_HOOK_CFLAGS) -pie $(filter %.o %.a,$^) -o $@

build/host-tsan/tests/%_test: build/host-tsan/tests/%_test.o build/host-tsan/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(CLANG) $(HOST_TSAN_CFLAGS) -pie $(filter %.o %.a,$^) -o $@

# --- The library's tests for other processors: tests/emulated.sh runs them ----------------------
LIBS_ELSEWHERE := build/aarch64-linux/libivsh.a build/riscv64-linux/libivsh.a \
          build/armhf-linux/libivsh.a build/i386-linux/libivsh.a build/armv7m-linux/libivsh.a \
          build/i386-nofp-linux/libivsh.a
build/aarch64-linux/libivsh.a: $(LIB:%.c=build/aarch64-linux/%.o)
build/riscv64-linux/libivsh.a: $(LIB:%.c=build/riscv64-linux/%.o)
build/armhf-linux/libivsh.a: $(LIB:%.c=build/armhf-linux/%.o)
build/i386-linux/libivsh.a: $(LIB:%.c=build/i386-linux/%.o)
build/armv7m-linux/libivsh.a: $(LIB:%.c=build/armv7m-linux/%.o)
build/i386-nofp-linux/libivsh.a: $(LIB:%.c=build/i386-nofp-linux/%.o)

CROSS_CORE   := tests/core/world.o $(CORE:%.c=%.o)
CROSS_DEVICE := tests/device/fake_platform.o tests/device/machines.o $(DEVICE:%.c=%.o)
$(TESTS_CORE:%=build/aarch64-linux/%): $(CROSS_CORE:%=build/aarch64-linux/%)
$(TESTS_CORE:%=build/riscv64-linux/%): $(CROSS_CORE:%=build/riscv64-linux/%)
$(TESTS_CORE:%=build/armhf-linux/%): $(CROSS_CORE:%=build/armhf-linux/%)
$(TESTS_CORE:%=build/i386-linux/%): $(CROSS_CORE:%=build/i386-linux/%)
$(TESTS_HALVES:%=build/armv7m-linux/%): $(CROSS_CORE:%=build/armv7m-linux/%)
$(TESTS_HALVES:%=build/i386-nofp-linux/%): $(CROSS_CORE:%=build/i386-nofp-linux/%)
$(TESTS_DEVICE:%=build/aarch64-linux/%): $(CROSS_DEVICE:%=build/aarch64-linux/%)
$(TESTS_DEVICE:%=build/riscv64-linux/%): $(CROSS_DEVICE:%=build/riscv64-linux/%)
$(TESTS_DEVICE:%=build/armhf-linux/%): $(CROSS_DEVICE:%=build/armhf-linux/%)
$(TESTS_DEVICE:%=build/i386-linux/%): $(CROSS_DEVICE:%=build/i386-linux/%)

build/aarch64-linux/tests/%_test: build/aarch64-linux/tests/%_test.o build/aarch64-linux/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(AARCH64_CC) -static $^ -o $@

build/riscv64-linux/tests/%_test: build/riscv64-linux/tests/%_test.o build/riscv64-linux/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(RISCV64_CC) -static $^ -o $@

build/armhf-linux/tests/%_test: build/armhf-linux/tests/%_test.o build/armhf-linux/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(ARMHF_CC) -static $^ -o $@

build/i386-linux/tests/%_test: build/i386-linux/tests/%_test.o build/i386-linux/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(I386_CC) -static $^ -o $@

build/armv7m-linux/tests/%_test: build/armv7m-linux/tests/%_test.o build/armv7m-linux/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(ARMHF_CC) -static $^ -o $@

build/i386-nofp-linux/tests/%_test: build/i386-nofp-linux/tests/%_test.o build/i386-nofp-linux/tests/lib/test.o
	@echo "LINK    $@"
	$(Q)$(I386_CC) -static $^ -o $@

# --- Fuzzers: libFuzzer brings main() ----------------------------------------------------------
$(addprefix build/host-fuzz/tests/fuzz/,attach_fuzz receive_fuzz send_fuzz stream_fuzz slots_fuzz): \
    build/host-fuzz/tests/fuzz/room.o $(CORE:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/device_fuzz: build/host-fuzz/tests/device/fake_platform.o \
    build/host-fuzz/tests/device/machines.o $(DEVICE:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/pvh_fuzz: build/host-fuzz/lib/bare/x86_64/pvh.o
build/host-fuzz/tests/fuzz/args_fuzz: build/host-fuzz/lib/bare/newlib/args.o
build/host-fuzz/tests/fuzz/efi_args_fuzz: build/host-fuzz/firmware/uefi/args.o
build/host-fuzz/tests/fuzz/client_fuzz: $(CLIENT:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/client_fuzz: FUZZ_WRAP := poll

FUZZ_SERVING := $(addprefix build/host-fuzz/tests/fuzz/,clients_fuzz control_fuzz ledger_fuzz)
$(FUZZERS_SERVER:%=build/host-fuzz/tests/fuzz/%_fuzz): FUZZ_WRAP := log_event log_detail log_failure \
    log_hold log_release
$(FUZZ_SERVING): build/host-fuzz/tests/fuzz/serving.o build/host-fuzz/tests/fuzz/quiet.o \
    $(SERVING:%.c=build/host-fuzz/%.o)
$(FUZZ_SERVING): FUZZ_WRAP += close epoll_create1 epoll_ctl shutdown getrandom setitimer \
    sigaction sendmmsg link_send
build/host-fuzz/tests/fuzz/clients_fuzz: build/host-fuzz/tests/fuzz/visitor.o
build/host-fuzz/tests/fuzz/control_fuzz: build/host-fuzz/host/control/answer.o \
    build/host-fuzz/host/control/lines.o
build/host-fuzz/tests/fuzz/config_fuzz: build/host-fuzz/tests/fuzz/quiet.o \
    $(OPTIONS:%.c=build/host-fuzz/%.o) $(CORE:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/answer_fuzz: $(CONTROL:%.c=build/host-fuzz/%.o) \
    $(OPTIONS:%.c=build/host-fuzz/%.o) $(CORE:%.c=build/host-fuzz/%.o) \
    build/host-fuzz/tests/fuzz/quiet.o
build/host-fuzz/tests/fuzz/answer_fuzz: FUZZ_WRAP += process_command process_user

build/host-fuzz/tests/fuzz/%_fuzz: build/host-fuzz/tests/fuzz/%.o build/host-fuzz/tests/fuzz/feed.o
	@echo "LINK    $@"
	$(Q)$(CLANG) $(HOST_SAN_CFLAGS) -fsanitize=fuzzer $(FUZZ_WRAP:%=-Wl,--wrap=%) -pie \
	    $(filter %.o %.a,$^) -o $@

# --- Measuring: a contender whose headers are not here is left out -------------------------------
# Each copies by the same memcpy(), as ours does, but for sizes that are a few moves: what gcc would
# put in its place for constants of up to 8 KiB (rep movsq) would make the others look slow.
BENCH_COPY := -mmemcpy-strategy=unrolled_loop:128:noalign,libcall:-1:noalign
NATIVE := tests/bench/native
RIVALS := $(if $(wildcard /usr/include/ck_ring.h),$(NATIVE)/ck) \
          $(if $(wildcard /usr/include/boost/lockfree/spsc_queue.hpp),$(NATIVE)/boost) \
          $(if $(wildcard /usr/include/dpdk/rte_ring.h),$(NATIVE)/dpdk)
BENCH  := $(addprefix $(NATIVE)/,main slice ivsh textbook limits) $(RIVALS)
BENCH_CFLAGS   := $(HOST_CFLAGS) $(BENCH_COPY) -isystem /usr/include/dpdk \
                  -isystem /usr/include/x86_64-linux-gnu/dpdk
BENCH_CXXFLAGS := -std=c++17 -O2 -g -MMD -MP -Wall -Wextra -Werror -D_GNU_SOURCE -fPIE \
                  $(BENCH_COPY)

build/host/$(NATIVE)/%.o: $(NATIVE)/%.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) $(if $(filter %/dpdk.c,$<),-march=corei7) -c $< -o $@

build/host/$(NATIVE)/%.o: $(NATIVE)/%.cc build/flags
	@echo "CXX     $@"; mkdir -p $(@D)
	$(Q)g++ $(BENCH_CXXFLAGS) -c $< -o $@

build/host/$(NATIVE)/native: $(BENCH:%=build/host/%.o) build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@ \
	    $(if $(filter %/boost,$(RIVALS)),-lstdc++) $(if $(filter %/dpdk,$(RIVALS)),-lrte_ring -lrte_eal)

# --- Host programs ----------------------------------------------------------------------------
build/host/libivsh.a: $(LIB:%.c=build/host/%.o)

# What is called is looked up before anybody connects, and cannot be changed afterwards.
build/host/ivsh-server: $(SERVER:%.c=build/host/%.o) build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -Wl,-z,relro,-z,now -pie $^ -o $@

# Under this name it has the defaults of QEMU's server.
build/host/ivshmem-server: build/host/ivsh-server
	@echo "LN      $@"
	$(Q)ln -sf ivsh-server $@

build/host/ivsh: $(PEER:%.c=build/host/%.o) build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

build/host-san/ivsh: $(PEER:%.c=build/host-san/%.o) $(LIB:%.c=build/host-san/%.o)
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_SAN_CFLAGS) -pie $^ -o $@

# For tests/host/test_kill.py.
build/host/numbers: build/host/tests/host/numbers_peer.o build/host/tests/host/numbers.o \
    $(CLIENT:%.c=build/host/%.o) build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

build/host/survivor: build/host/tests/host/survivor.o $(CLIENT:%.c=build/host/%.o) \
    build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

# --- Bare metal: a library, and images that QEMU boots with -kernel -----------------------------
build/x86_64/libivsh.a: $(LIB:%.c=build/x86_64/%.o)
build/x86_64/libivsh-bare.a: $(addsuffix .o,$(basename $(X86:%=build/x86_64/%))) \
    $(ONLIBC:%.c=build/x86_64/%.o)

BARE_LIBS := build/x86_64/libivsh-bare.a build/x86_64/libivsh.a $(LIBC)

build/x86_64/ivsh.elf: $(GUEST:%.c=build/x86_64/%.o) $(APP:%.c=build/x86_64/%.o) $(BARE_LIBS)
build/x86_64/bare_test.elf: build/x86_64/tests/guest/bare_test.o build/x86_64/tests/lib/test.o \
    $(BARE_LIBS)
build/x86_64/numbers.elf: build/x86_64/tests/guest/numbers.o $(BARE_LIBS)
build/x86_64/irq_test.elf: build/x86_64/tests/guest/irq_test.o build/x86_64/tests/lib/test.o \
    $(BARE_LIBS)

build/x86_64/pair.elf: build/x86_64/tests/bench/guest/pair.o $(BARE_LIBS)

# What tests/bench/counts.sh counts and weighs.
COUNTED := build/host/tests/bench/count/count build/x86_64/count.elf build/x86_64/poller \
           build/x86_64/tests/bench/count/poller.o build/x86_64/libivsh.a
build/host/tests/bench/count/count: build/host/tests/bench/count/count.o build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@
build/x86_64/count.elf: build/x86_64/tests/bench/count/count.o $(BARE_LIBS)
build/x86_64/poller: build/x86_64/tests/bench/count/poller.o build/x86_64/libivsh.a
	@echo "LD      $@"
	$(Q)$(LD) -nostdlib -static --gc-sections -e poll_forever --defsym=memcpy=0 \
	    --defsym=memset=0 --defsym=memmove=0 --defsym=memcmp=0 -o $@ $^

# The core's tests again, as guests.
$(TESTS_CORE:%=build/x86_64/%.elf): build/x86_64/tests/core/%.elf: build/x86_64/tests/core/%.o \
    build/x86_64/tests/core/world.o build/x86_64/tests/lib/test.o $(BARE_LIBS)

# The archives need each other: the start code calls bare_main(), the port calls libivsh.
build/x86_64/%.elf: linker/x86_64.ld linker/tail.ld
	@echo "LD      $@"
	$(Q)$(LD) -nostdlib -static --gc-sections -z noexecstack -z max-page-size=4096 \
	    --orphan-handling=error -T $< -o $@ --start-group $(filter %.o %.a,$^) --end-group

# --- ivsh.efi ---------------------------------------------------------------------------------
build/uefi-x86_64/libivsh.a: $(LIB:%.c=build/uefi-x86_64/%.o)

# A shared object that binds to itself; crt0 relocates it where the firmware loads it, and calls
# efi_main(). The crt0 of gnu-efi 3.0.18 and later calls _entry() instead, libefi's, which sets up
# what nothing here uses, and then calls efi_main().
build/uefi-x86_64/ivsh.so: linker/uefi-x86_64.ld $(UEFI:%.c=build/uefi-x86_64/%.o) \
    $(APP:%.c=build/uefi-x86_64/%.o) build/uefi-x86_64/libivsh.a $(LIBC)
	@echo "LD      $@"
	$(Q)$(LD) -nostdlib -shared -Bsymbolic --no-undefined --gc-sections -z noexecstack \
	    --orphan-handling=error --defsym=_entry=efi_main -o $@ $(EFI_CRT) -T $^ $(EFI_LIB)

build/uefi-x86_64/ivsh.efi: build/uefi-x86_64/ivsh.so
	@echo "OBJCOPY $@"
	$(Q)$(OBJCOPY) -j .text -j .rodata -j .reloc -j .rela -j .dynamic -j .data \
	    -O pei-x86-64 --subsystem=10 $< $@

# --- Goals ------------------------------------------------------------------------------------
.PHONY: all test build/check soak counts bench bench-guest bench-server fuzz check format install uninstall \
    help clean distclean

## Build everything
all: build/host/ivsh-server build/host/ivshmem-server build/host/ivsh build/host/libivsh.a \
     build/x86_64/libivsh.a build/x86_64/libivsh-bare.a build/x86_64/ivsh.elf \
     build/uefi-x86_64/libivsh.a build/uefi-x86_64/ivsh.efi

comma := ,
space := $() $()

CHECKS := tests/check/layers.sh tests/check/headers.sh tests/check/shared.sh \
          $(subst $(space),$(comma),tests/check/symbols.sh build/x86_64/libivsh.a \
              $(LIBS_ELSEWHERE)) \
          tests/check/spec.sh,build/host/tests/core/example_test \
          tests/check/man.sh tests/check/readme.sh,$(COMPILER) tests/check/format.sh,$(CLANG_FORMAT) \
          $(subst $(space),$(comma),tests/check/hosts.sh -std=c11 -O2 -Ilib/include $(ROOTS) -D_GNU_SOURCE \
              $(WARN))
MODEL := tests/model/run.sh
FUZZ  := tests/fuzz/run.py
# The caller's flags make of the host's part something else than what was measured.
COUNTS    := tests/bench/counts.sh,$(COMPILER)$(if $(strip $(CPPFLAGS) $(CFLAGS)),-with-flags),$(subst $(space),$(comma),$(COUNTED))
FUZZ_60   := $(FUZZ),60,$(subst $(space),$(comma),$(FUZZ_LIB)) \
             $(FUZZ),60,$(subst $(space),$(comma),$(FUZZ_SERVER))
C_TESTS := $(foreach tests,$(TESTS_CORE) $(TESTS_DEVICE) $(TESTS_UEFI),build/host/$(tests) build/host-san/$(tests)) \
           $(TESTS_HOOK:%=build/host-hook/%) $(TESTS_COUNT:%=build/host-hook/%)
# What looks at a clock, or is several processes that meet.
C_ALONE := $(TESTS_RACE:%=build/host/%) $(TESTS_ROAD:%=build/host/%) \
           $(TESTS_RACE:%=build/host-san/%) $(TESTS_ROAD:%=build/host-san/%) \
           $(TESTS_KILL:%=build/host/%) $(TESTS_TSAN:%=build/host-tsan/%)
EMULATED_TESTS := $(TESTS_CORE:%=build/aarch64-linux/%) $(TESTS_DEVICE:%=build/aarch64-linux/%) \
           $(TESTS_CORE:%=build/riscv64-linux/%) $(TESTS_DEVICE:%=build/riscv64-linux/%) \
           $(TESTS_CORE:%=build/armhf-linux/%) $(TESTS_DEVICE:%=build/armhf-linux/%) \
           $(TESTS_CORE:%=build/i386-linux/%) $(TESTS_DEVICE:%=build/i386-linux/%) \
           $(TESTS_HALVES:%=build/armv7m-linux/%) $(TESTS_HALVES:%=build/i386-nofp-linux/%)
# One suite for each: an emulator, a folder, and how many programs there are in it.
emulated = tests/emulated.sh,qemu-$(1),build/$(2)-linux,$(words $(filter build/$(2)-linux/%,$(EMULATED_TESTS)))
EMULATED := $(call emulated,aarch64,aarch64) $(call emulated,riscv64,riscv64) \
           $(call emulated,arm,armhf) $(call emulated,i386,i386) \
           $(call emulated,arm,armv7m) $(call emulated,i386,i386-nofp)
GUEST_TESTS := $(TESTS_CORE:%=build/x86_64/%.elf) build/x86_64/bare_test.elf
build/check: all $(LIBS_ELSEWHERE) build/host/tests/core/example_test
build/test: build/check $(C_TESTS) $(C_ALONE) $(EMULATED_TESTS) $(FUZZ_LIB) $(FUZZ_SERVER) $(GUEST_TESTS) build/x86_64/irq_test.elf \
    build/x86_64/numbers.elf build/x86_64/pair.elf build/host/survivor build/host/numbers \
    build/host/tests/host/load $(COUNTED)
.PHONY: build/test

# As many at once as there are processors, unless the caller says how many.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# Those that kill and those that measure run alone.
KILLING := $(patsubst %,tests/demos/test_%.py,kill stress takeover waits pair restart) \
           $(patsubst %,tests/host/test_%.py,bursts kill keeper)
DEMOS   := $(filter-out $(KILLING),$(sort $(wildcard tests/demos/test_*.py)))
HOSTS   := $(filter-out $(KILLING),$(sort $(wildcard tests/host/test_*.py)))
pytest   = pytest:$(subst $(space),$(comma),$(strip $(1)))
# The longest first.
SUITES  := $(call pytest,$(DEMOS)) $(call pytest,$(HOSTS)) $(MODEL) \
           build/host-hook/tests/core/crash_test $(FUZZ_60) tests/check/packager.sh $(EMULATED) \
           $(CHECKS) $(COUNTS) $(filter-out %/crash_test,$(C_TESTS)) $(GUEST_TESTS)
ALONE   := $(C_ALONE) pytest:tests/guest $(call pytest,$(filter tests/host/%,$(KILLING))) \
           $(call pytest,$(filter tests/demos/%,$(KILLING)))

## Install what is missing, build, and run every test
test:
	$(Q)./setup.sh test
	$(Q)$(MAKE) $(JOBS) build/test
	$(Q)$(PYTHON) tests/run.py $(SUITES) --alone $(ALONE)

DISTROS := tests/distros/run.sh,bookworm,whole tests/distros/run.sh,trixie,whole \
           tests/distros/run.sh,sid,demos

## The same cases with larger counts, and in clean roots of other Debians
soak:
	$(Q)./setup.sh test
	$(Q)./setup.sh distros
	$(Q)$(MAKE) $(JOBS) build/test
	$(Q)IVSH_SOAK=1 $(PYTHON) tests/run.py $(subst $(comma)60,$(comma)600,$(SUITES)) \
	    --alone $(ALONE) $(DISTROS)

## Count instructions and bytes, and compare them with tests/bench/counts.txt
counts: $(COUNTED)
	$(Q)$(PYTHON) tests/run.py -v $(COUNTS)

## Measure messages between two processes against other rings: build/bench.json, build/bench.svg
bench: build/host/$(NATIVE)/native
	$(Q)PYTHONPATH=tests/bench $(PYTHON) -B $(NATIVE)/report.py build/host/$(NATIVE)/native \
	    build/bench $(BENCH_ARGS)

## Measure joins by clients, beside OTHER=PATH of QEMU's server: build/bench-server.json, .svg
bench-server: build/host/ivsh-server build/host/tests/host/load
	$(Q)$(if $(OTHER),IVSH_OTHER_SERVER=$(OTHER)) PYTHONPATH=tests/bench:tests/host \
	    $(PYTHON) -B tests/bench/server/report.py build/bench-server

## Measure messages between two guests, beside a bare flag: build/bench-guest.json
bench-guest: build/x86_64/pair.elf build/x86_64/ivsh.elf build/uefi-x86_64/ivsh.efi \
    build/host/ivsh-server
	$(Q)PYTHONPATH=tests/bench $(PYTHON) -B tests/bench/guest/report.py build/bench-guest.json $(BENCH_ARGS)

## Fuzz for TIME seconds in all; build/fuzz keeps what was found
fuzz: $(FUZZ_LIB) $(FUZZ_SERVER)
	$(Q)$(PYTHON) tests/fuzz/run.py $(or $(TIME),600) $^

## Check layers, headers, symbols, the specification and the format
check:
	$(Q)./setup.sh check
	$(Q)$(MAKE) $(JOBS) build/check
	$(Q)$(PYTHON) tests/run.py $(CHECKS)

## Lay out every C file as .clang-format says
format:
	$(CLANG_FORMAT) -i $$(git ls-files '*.c' '*.h')

# --- Installing -------------------------------------------------------------------------------
# make install DESTDIR=/tmp/package PREFIX=/usr; what comes with it goes with make uninstall.
DESTDIR    :=
PREFIX     := /usr/local
SYSCONFDIR := /etc
MAN        := share/man
COMPLETION := share/bash-completion/completions
UNITS      := lib/systemd/system
ARCHIVES   := host/libivsh.a x86_64/libivsh.a x86_64/libivsh-bare.a uefi-x86_64/libivsh.a

INSTALL := install -D -m 644
AT      := $(DESTDIR)$(PREFIX)
CONF    := $(DESTDIR)$(SYSCONFDIR)/ivsh/default.conf

# Below PREFIX, without default.conf, which is its owner's as soon as it was changed.
INSTALLED := bin/ivsh sbin/ivsh-server sbin/ivshmem-server $(MAN)/man1/ivsh.1 \
             $(MAN)/man8/ivsh-server.8 $(MAN)/man8/ivshmem-server.8 \
             $(COMPLETION)/ivsh $(COMPLETION)/ivsh-server $(COMPLETION)/ivshmem-server \
             $(patsubst host/systemd/%,$(UNITS)/%,$(wildcard host/systemd/ivsh-server*)) \
             $(patsubst lib/include/%,include/%,$(wildcard lib/include/ivsh/*.h)) \
             $(ARCHIVES:%=lib/ivsh/%) share/ivsh/ivsh.efi share/ivsh/ivsh.man

## Install programs, units, manuals and libraries under DESTDIR and PREFIX
install: all
	$(Q)$(INSTALL) -m 755 build/host/ivsh $(AT)/bin/ivsh
	$(Q)$(INSTALL) -m 755 build/host/ivsh-server $(AT)/sbin/ivsh-server
	$(Q)ln -sf ivsh-server $(AT)/sbin/ivshmem-server
	$(Q)$(INSTALL) host/man/ivsh.1 $(AT)/$(MAN)/man1/ivsh.1
	$(Q)$(INSTALL) host/man/ivsh-server.8 $(AT)/$(MAN)/man8/ivsh-server.8
	$(Q)ln -sf ivsh-server.8 $(AT)/$(MAN)/man8/ivshmem-server.8
	$(Q)$(INSTALL) host/completion/ivsh $(AT)/$(COMPLETION)/ivsh
	$(Q)$(INSTALL) host/completion/ivsh-server $(AT)/$(COMPLETION)/ivsh-server
	$(Q)ln -sf ivsh-server $(AT)/$(COMPLETION)/ivshmem-server
	$(Q)mkdir -p $(AT)/$(UNITS)
	$(Q)for unit in host/systemd/ivsh-server*; do \
	    sed 's|@SBINDIR@|$(PREFIX)/sbin|; s|@SYSCONFDIR@|$(SYSCONFDIR)|' $$unit \
	        >$(AT)/$(UNITS)/$${unit##*/} || exit 1; \
	done
	$(Q)test -e $(CONF) || $(INSTALL) host/systemd/default.conf $(CONF)
	$(Q)for header in lib/include/ivsh/*.h; do \
	    $(INSTALL) $$header $(AT)/include/ivsh/$${header##*/} || exit 1; \
	done
	$(Q)for archive in $(ARCHIVES); do \
	    $(INSTALL) build/$$archive $(AT)/lib/ivsh/$$archive || exit 1; \
	done
	$(Q)$(INSTALL) build/uefi-x86_64/ivsh.efi $(AT)/share/ivsh/ivsh.efi
	$(Q)$(INSTALL) firmware/uefi/ivsh.man $(AT)/share/ivsh/ivsh.man

# Folders that an uninstall leaves alone: what it did not make. Of a system's own prefix that is what the
# Filesystem Hierarchy Standard has there; and nothing above DESTDIR, or PREFIX.
SYSTEM := $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX) $(addprefix $(PREFIX)/,bin sbin lib include share share/man))
KEPT   := $(subst $(space),|,$(strip $(if $(DESTDIR),$(DESTDIR),$(SYSTEM) $(patsubst %/,%,$(dir $(PREFIX))) $(SYSCONFDIR))))

## Remove what was installed; default.conf only if nobody has changed it
uninstall:
	$(Q)rm -f $(INSTALLED:%=$(AT)/%)
	$(Q)if cmp -s host/systemd/default.conf $(CONF); then rm -f $(CONF); fi
	$(Q)for folder in $(sort $(dir $(INSTALLED:%=$(AT)/%) $(CONF))); do \
	    folder=$${folder%/}; \
	    while case $$folder in ""|$(KEPT)) false ;; esac && rmdir $$folder 2>/dev/null; do \
	        folder=$${folder%/*}; \
	    done; \
	done

## Show this help
help:
	@awk '/^## /{h=substr($$0,4); getline; sub(/:.*/,""); printf "  %-12s %s\n",$$0,h}' Makefile

## Remove what was built, except newlib
clean:
	rm -rf $(filter-out build/newlib,$(wildcard build/*))

## Remove build/
distclean:
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
