# SPDX-License-Identifier: MIT
#
# One source tree, several ways to compile it. A target is a folder of build/:
# build/<target>/<path>.o comes from <path>.c or <path>.S, by the one rule below
# that names the target. Every source is listed here by name.
#
#   host          programs and tests of this machine
#   host-pic      the same sources for libivsh-client.so.1, at any address
#   host-sdt      what ivsh has of the library with probes for tracers
#   host-san      the same sources under AddressSanitizer and UndefinedBehaviorSanitizer
#   host-hook     the same, with the core calling a hook at each access of shared memory
#   host-fuzz     the same by clang, for libFuzzer
#   host-tsan     two threads as two peers under ThreadSanitizer, by clang
#   *-linux       the library's tests for other processors, linked statically, for qemu-user
#   x86_64, aarch64, riscv64
#                 freestanding: the libraries, and the guest programs over newlib
#   uefi-x86_64, uefi-aarch64, uefi-riscv64
#                 ivsh.efi
#
# `make` builds what this machine's compiler can. `make aarch64` and `make riscv64` take Debian's
# cross compilers, and say which package is missing.

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
AR := $(or $(patsubst %-gcc,%-ar,$(filter %-gcc,$(CC))),ar)
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

# Whose programs CC makes. The host side of another processor: make CC=aarch64-linux-gnu-gcc host.
HOST_MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
# gcc-12, clang-14. What only gcc understands: clang stops at an option that it does not know.
COMPILER := $(shell $(CC) -v 2>&1 | sed -n 's/.*\(gcc\|clang\) version \([0-9]*\).*/\1-\2/p')
GCC_ONLY = $(if $(filter clang-%,$(COMPILER)),,$(1))

WARN := -Wall -Wextra -Werror -Wshadow -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes \
        -Wundef -Wvla -Wpointer-arith -Wwrite-strings -Wold-style-definition -Wconversion \
        -Wno-sign-conversion
# One root for each tree: "core/ring.h", "app/app.h", "server/clients.h", "tests/lib/test.h"; and
# "talk.h", which a user copies beside a port's own files.
ROOTS := -iquote lib -iquote lib/port -iquote firmware -iquote host -iquote .
# No file that is made here holds the path of this tree.
BASE := -std=c11 -O2 -g -ffile-prefix-map=$(CURDIR)=. -MMD -MP -Ilib/include $(ROOTS) $(WARN)
# No table for a debugger or an exception goes into an image: gcc 14 makes one on riscv64 if only
# the first of these is said, which is a quarter of the library.
NO_UNWIND := -fno-asynchronous-unwind-tables -fno-unwind-tables
BARE := $(BASE) -ffreestanding -fno-builtin -fno-pic -fno-pie -fno-stack-protector \
        $(NO_UNWIND) -fno-common

HOST_CFLAGS     := $(BASE) -D_GNU_SOURCE -fPIE -fstack-protector-strong
# Of what the shared library hides, client.map is the list.
HOST_PIC_CFLAGS := $(filter-out -fPIE,$(HOST_CFLAGS)) -fPIC -DHIDDEN=
# Probes for tracers: where their header is (systemtap-sdt-dev); `make SDT=` leaves them out. The
# archives have none, so nothing that is counted has.
SDT := $(shell printf '\043include <sys/sdt.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo -DIVSH_SDT)
# The screen of top: where ncurses is (libncurses-dev), for this compiler; `make CURSES=` leaves it
# out, and top prints text.
CURSES := $(shell printf '\043include <ncurses.h>\n' | $(CC) -E - >/dev/null 2>&1 && \
              echo -lncursesw -ltinfo)
# The bridge: where libnats is (libnats-dev), for this compiler; `make NATS=` leaves it out.
NATS := $(shell printf '\043include <nats/nats.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo -lnats)
HOST_SDT_CFLAGS := $(HOST_CFLAGS) $(SDT)
HOST_PIC_CFLAGS += $(SDT)
# What only tests have is compiled in less time without what a debugger wants besides the lines that
# a sanitizer reports, and what qemu-user runs without any.
HOST_SAN_CFLAGS := $(HOST_CFLAGS) -O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all \
                   -fsanitize=address,undefined
HOST_HOOK_CFLAGS := $(HOST_SAN_CFLAGS) -DIVSH_HOOK
HOST_FUZZ_CFLAGS := $(HOST_HOOK_CFLAGS) -fsanitize=fuzzer-no-link
HOST_TSAN_CFLAGS := $(HOST_CFLAGS) -O1 -g1 -fno-omit-frame-pointer -fsanitize=thread
CROSS_CFLAGS     := $(BASE) -g0 -D_GNU_SOURCE -fno-pie

# A program in C++, which every CC here takes as well; without the words that are for C alone.
cpp  = -std=c++11 -fno-exceptions -fno-rtti $(filter-out -std=c11 -Wstrict-prototypes \
           -Wmissing-prototypes -Wold-style-definition,$(1))

# Other processors: the library's tests as Linux programs.
CC_aarch64-linux := aarch64-linux-gnu-gcc
CC_riscv64-linux := riscv64-linux-gnu-gcc
CC_armhf-linux   := arm-linux-gnueabihf-gcc
CC_i386-linux    := i686-linux-gnu-gcc
# Two that have no access of 8 bytes: a Cortex-M4 (build/armv7m-linux) and a 386 without floating
# point (build/i386-nofp-linux).
CC_armv7m-linux     := $(CC_armhf-linux) -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16
CC_i386-nofp-linux  := $(CC_i386-linux) -mgeneral-regs-only

# Guests, by architecture: the tools, what the machine has, and what code that an interrupt may cut
# into does without. Only riscv64's handler saves floating-point registers: its compiler has no such
# option. The aarch64 and riscv64 libraries make no unaligned access, and no access but plain ones.
ARCHES       := x86_64 aarch64 riscv64
NATIVE_x86_64 := $(filter x86_64-%,$(HOST_MACHINE))
CC_x86_64     = $(if $(NATIVE_x86_64),$(CC),x86_64-linux-gnu-gcc)
LD_x86_64     = $(if $(NATIVE_x86_64),$(LD),x86_64-linux-gnu-ld)
AR_x86_64     = $(if $(NATIVE_x86_64),$(AR),x86_64-linux-gnu-ar)
MACHINE_x86_64  := -m64 -mno-red-zone -fcf-protection=none
INTEGER_x86_64  := -mgeneral-regs-only
CC_aarch64   := aarch64-linux-gnu-gcc
LD_aarch64   := aarch64-linux-gnu-ld
AR_aarch64   := aarch64-linux-gnu-ar
MACHINE_aarch64 := -mstrict-align -mno-outline-atomics -mbranch-protection=none
INTEGER_aarch64 := -mgeneral-regs-only
CC_riscv64   := riscv64-linux-gnu-gcc
LD_riscv64   := riscv64-linux-gnu-ld
AR_riscv64   := riscv64-linux-gnu-ar
OBJCOPY_riscv64 := riscv64-linux-gnu-objcopy
MACHINE_riscv64 := -march=rv64gc -mabi=lp64d -mcmodel=medany -mstrict-align \
                   -msmall-data-limit=0
INTEGER_riscv64 :=

# What a compiler calls for what its processor has no instruction for: a long double of 16 bytes in
# printf, and on riscv64 the bytes of a word in the other order.
LIBGCC_aarch64 := $(shell $(CC_aarch64) -print-libgcc-file-name 2>/dev/null)
LIBGCC_riscv64 := $(shell $(CC_riscv64) -print-libgcc-file-name 2>/dev/null)

# Programs over newlib: its headers and the compiler's, no others.
newlib        = build/newlib/$(1)-elf
libc          = $(call newlib,$(1))/lib/libc.a
cc_include    = $(shell $(CC_$(1)) -print-file-name=include 2>/dev/null)
LIBC         := $(call libc,x86_64)
GUEST_CFLAGS  = $(BARE) $(MACHINE_$(1)) -nostdinc -isystem $(call newlib,$(1))/include \
                -isystem $(CC_INCLUDE_$(1))
$(foreach arch,$(ARCHES),$(eval CC_INCLUDE_$(arch) := $(call cc_include,$(arch))))

# ivsh.efi: gnu-efi's headers and start-up code, and newlib. The compiler knows where: 3.0 has its
# files in /usr/lib, 4.0 in the folder of the architecture. It answers the bare name of what is
# missing. -fshort-wchar makes L"" the firmware's UCS-2. Another architecture's gnu-efi is unpacked
# in build/ (setup.sh).
UEFI_ARCHES        := x86_64 aarch64 riscv64
EFI_INCLUDE_x86_64 := /usr/include/efi
EFI_CRT_x86_64     := $(shell $(CC_x86_64) -print-file-name=crt0-efi-x86_64.o 2>/dev/null)
EFI_LIB_x86_64     := $(shell $(CC_x86_64) -print-file-name=libgnuefi.a 2>/dev/null)
# A vector register loads two words at once, from a constant that would have to be relocated.
EFI_ABI_x86_64     := -fpic -fno-tree-slp-vectorize \
                      $(call GCC_ONLY,-maccumulate-outgoing-args) -DGNU_EFI_USE_MS_ABI
EFI_SETUP_x86_64   := run
gnu_efi             = $(firstword $(wildcard build/gnu-efi/$(1)/usr/lib/$(2) \
                          build/gnu-efi/$(1)/usr/lib/$(1)-linux-gnu/$(2)) $(2))
EFI_INCLUDE_aarch64 := build/gnu-efi/aarch64/usr/include/efi
EFI_LIB_aarch64     := $(call gnu_efi,aarch64,libgnuefi.a)
EFI_ABI_aarch64     := -fno-pie
EFI_SETUP_aarch64   := aarch64
EFI_INCLUDE_riscv64 := build/gnu-efi/riscv64/usr/include/efi
EFI_LIB_riscv64     := $(call gnu_efi,riscv64,libgnuefi.a)
EFI_ABI_riscv64     := -fno-pie
EFI_SETUP_riscv64   := riscv64, on Debian 13 or later
UEFI_CFLAGS         = $(BASE) -ffreestanding -fno-builtin -fvisibility=hidden \
                      -fshort-wchar -fno-stack-protector $(NO_UNWIND) \
                      -fno-common $(MACHINE_$(1)) $(EFI_ABI_$(1)) $(UEFI_MORE) -nostdinc \
                      -isystem $(call newlib,$(1))/include -isystem $(CC_INCLUDE_$(1)) \
                      -isystem $(EFI_INCLUDE_$(1)) -isystem $(EFI_INCLUDE_$(1))/$(1)

# It has the interrupt handler, which saves no other registers.
$(foreach arch,x86_64 aarch64,build/uefi-$(arch)/firmware/uefi/$(arch)/interrupts.o): \
    UEFI_MORE := -mgeneral-regs-only

# In a guest everything that no message passes through is compiled for size: gcc 12's -Oz without
# what makes this code longer, not shorter. What messages pass through goes without padding.
SMALL := -Oz -fno-optimize-sibling-calls \
         $(call GCC_ONLY,-fno-guess-branch-probability -fno-tree-coalesce-vars \
             -fno-caller-saves -fno-shrink-wrap -fno-move-loop-invariants)
# The library is linked into programs at any address, and into those that move when they start: its
# code has no address in it, and asks for no GOT.
ANYWHERE := -fpie -fvisibility=hidden
build/%: SIZED :=
define sizes
build/$(1)/lib/device/%: SIZED := $$(SMALL) $(ANYWHERE)
build/$(1)/lib/core/%: SIZED := $$(SMALL) $(ANYWHERE)
build/$(1)/lib/node/%: SIZED := $$(SMALL) $(ANYWHERE)
build/$(1)/lib/node/fast.o \
$(addprefix build/$(1)/lib/core/,send.o receive.o batch.o inplace.o): \
    SIZED := -fno-align-functions $$(call GCC_ONLY,-fno-align-jumps -fno-align-loops) $(ANYWHERE)
endef
$(foreach arch,$(ARCHES),$(eval $(call sizes,$(arch))))
$(foreach room,core device node, \
    $(foreach arch,aarch64 riscv64,build/uefi-$(arch)/lib/$(room)/%)): UEFI_MORE := -fpie

# --- Sources ----------------------------------------------------------------------------------
CORE   := lib/core/error.c lib/core/layout.c lib/core/place.c lib/core/format.c lib/core/text.c \
          lib/core/split.c lib/core/split_format.c \
          lib/core/slot.c lib/core/moved.c lib/core/claim.c lib/core/region.c \
          lib/core/nonce.c lib/core/peer.c \
          lib/core/service.c lib/core/origin.c lib/core/ring.c lib/core/discard.c \
          lib/core/condition.c lib/core/notify.c lib/core/reset.c lib/core/sender.c \
          lib/core/receiver.c lib/core/one_way.c lib/core/check.c lib/core/renew.c \
          lib/core/loss.c lib/core/channel.c lib/core/send.c lib/core/receive.c \
          lib/core/inplace.c lib/core/batch.c lib/core/packed.c lib/core/request.c \
          lib/core/wait.c lib/core/arm.c lib/core/next.c lib/core/peer_event.c lib/core/stream.c \
          lib/core/metric.c lib/core/log.c lib/core/follow.c
DEVICE := lib/device/config.c lib/device/pci.c lib/device/ranges.c lib/device/bridge.c \
          lib/device/used.c lib/device/place.c lib/device/assign.c \
          lib/device/msix.c lib/device/device.c lib/device/mapped.c lib/device/any.c \
          lib/device/slot.c lib/device/hotplug.c
# Beside the two, since it needs both: the devices of a split region.
SET    := lib/device/set.c
NODE   := lib/node/fast.c lib/node/open.c lib/node/free.c lib/node/idle.c lib/node/post.c \
          lib/node/post_all.c lib/node/deliver.c lib/node/dispatch.c lib/node/pump.c \
          lib/node/inbox.c lib/node/drop.c lib/node/loss.c \
          lib/node/call.c lib/node/reply.c lib/node/flow.c lib/node/find.c \
          lib/node/part.c lib/node/services.c lib/node/watch.c lib/node/arm.c \
          lib/node/metric.c lib/node/log.c \
          lib/node/connection.c lib/node/connect.c
LIB    := $(CORE) $(DEVICE) $(SET) $(NODE)
# An archive of its own: whether a platform, or a transport, keeps its contract.
CONFORMANCE := lib/conformance/check.c lib/conformance/time.c lib/conformance/sleep.c \
          lib/conformance/doorbell.c lib/conformance/memory.c lib/conformance/config.c \
          lib/conformance/list.c lib/conformance/map.c lib/conformance/mem.c \
          lib/conformance/registers.c lib/conformance/mapped.c lib/conformance/platform.c
# What bare metal and UEFI share below the commands, on every architecture and on one.
SHARED := lib/bare/words.c lib/bare/tee.c lib/bare/timing.c lib/bare/fw_cfg.c \
          lib/bare/generation.c
UNDER_x86_64 := lib/bare/x86_64/com1.c lib/bare/x86_64/nonce.c lib/bare/x86_64/fw_cfg.c \
          lib/bare/x86_64/gpe.c lib/bare/x86_64/generation.c lib/bare/x86_64/hotplug.c
UNDER_riscv64 := lib/bare/dtb.c lib/bare/dtb_find.c lib/bare/virt/fw_cfg.c \
          lib/bare/virt/ranges.c
UNDER_aarch64 := $(UNDER_riscv64) lib/bare/aarch64/call.S
UNDER  := $(SHARED) $(UNDER_x86_64)
# What an image without an operating system starts with, by architecture.
BARE_x86_64 := lib/bare/x86_64/start.S lib/bare/x86_64/check.S lib/bare/x86_64/vectors.S \
          lib/bare/x86_64/machine.c lib/bare/x86_64/console.c lib/bare/x86_64/screen.c \
          lib/bare/x86_64/trap.c lib/bare/x86_64/paging.c lib/bare/x86_64/mtrr.c \
          lib/bare/x86_64/pvh.c lib/bare/heap.c lib/bare/x86_64/apic.c lib/bare/x86_64/clock.c \
          lib/bare/x86_64/reference.c lib/bare/x86_64/calibrate.c \
          lib/bare/x86_64/platform.c lib/bare/identity.c lib/bare/x86_64/power.c \
          $(UNDER)
# What QEMU's virt machines have in common, aarch64's and riscv64's.
VIRT   := lib/bare/words.c lib/bare/timing.c lib/bare/fw_cfg.c lib/bare/generation.c \
          lib/bare/dtb.c lib/bare/dtb_find.c lib/bare/heap.c lib/bare/identity.c \
          lib/bare/virt/tree.c lib/bare/virt/heap.c lib/bare/virt/fw_cfg.c \
          lib/bare/virt/nonce.c lib/bare/virt/platform.c lib/bare/virt/ranges.c
BARE_aarch64 := lib/bare/aarch64/start.S lib/bare/aarch64/vectors.S lib/bare/aarch64/call.S \
          lib/bare/aarch64/machine.c lib/bare/aarch64/check.c lib/bare/aarch64/pl011.c \
          lib/bare/aarch64/trap.c lib/bare/aarch64/paging.c lib/bare/aarch64/clock.c \
          lib/bare/aarch64/power.c lib/bare/aarch64/gic.c lib/bare/aarch64/gicv2.c \
          lib/bare/aarch64/v2m.c lib/bare/aarch64/gicv3.c lib/bare/aarch64/lpi.c \
          lib/bare/aarch64/its.c lib/bare/aarch64/its_queue.c lib/bare/aarch64/slots.c \
          lib/bare/aarch64/host_bridge.c lib/bare/aarch64/registers.c \
          lib/bare/aarch64/memory.c lib/bare/tee.c $(VIRT)
BARE_riscv64 := lib/bare/riscv64/start.S lib/bare/riscv64/mmode.S lib/bare/riscv64/vectors.S \
          lib/bare/riscv64/machine.c lib/bare/riscv64/uart.c lib/bare/riscv64/trap.c \
          lib/bare/riscv64/paging.c lib/bare/riscv64/imsic.c lib/bare/riscv64/clock.c \
          lib/bare/riscv64/power.c lib/bare/tee.c $(VIRT)
ONLIBC := lib/bare/program.c lib/bare/log.c lib/bare/newlib/start.c lib/bare/newlib/name.c \
          lib/bare/newlib/syscalls.c
# Programs of a guest over newlib, and of the host; kernels that have no start code but their own.
EXAMPLES := exchange request sleep stream events
EXAMPLES_HOST := exchange stream echo
EXAMPLES_C := $(EXAMPLES) bare
EXAMPLE_kernel := $(addprefix build/x86_64/examples/kernel/,boot.o mem.o kernel.o)
EXAMPLE_tasks := $(addprefix build/x86_64/examples/,kernel/boot.o kernel/mem.o \
          $(addprefix tasks/,entry.o scheduler.o machine.o platform.o main.o))
GUEST   = firmware/guest/main.c firmware/$(1)/memtype.c
APP    := firmware/app/app.c firmware/app/options.c firmware/app/session.c firmware/app/stay.c \
          firmware/app/wait.c firmware/app/console.c firmware/app/metrics.c \
          firmware/app/refuse.c firmware/app/output.c firmware/app/report.c firmware/app/probe.c \
          firmware/app/info.c firmware/app/watch.c firmware/app/text.c firmware/app/echo.c \
          firmware/app/ping.c firmware/app/flow.c firmware/app/demo.c firmware/app/link.c \
          firmware/app/exchange.c firmware/app/bench.c firmware/app/sink.c firmware/app/ack.c \
          firmware/app/streams.c firmware/app/bell.c firmware/app/histogram.c firmware/app/json.c \
          firmware/app/show.c firmware/app/set_show.c firmware/app/address.c
# The program over it: of guests, and of a host process.
CONFORM := firmware/conformance/program.c
# The transports of guests.
APP_DEVICE := firmware/app/device.c firmware/app/choose.c firmware/app/facts.c firmware/app/set.c
UEFI   = firmware/uefi/main.c firmware/uefi/args.c \
          firmware/uefi/clock.c firmware/uefi/console.c firmware/uefi/heap.c \
          firmware/uefi/nonce.c firmware/uefi/pci_io.c \
          firmware/uefi/platform.c firmware/uefi/program.c firmware/uefi/unlisted.c \
          firmware/uefi/functions.c firmware/uefi/root_bridge.c firmware/uefi/windows.c \
          firmware/$(1)/memtype.c firmware/uefi/$(1)/interrupts.c firmware/uefi/$(1)/counter.c \
          firmware/uefi/$(1)/mapping.c $(UEFI_$(1)) \
          lib/bare/newlib/syscalls.c $(SHARED) $(UNDER_$(1))
UEFI_x86_64  := firmware/uefi/x86_64/machine.c
UEFI_VIRT    := firmware/uefi/virt/machine.c firmware/uefi/virt/tree.c
UEFI_aarch64 := $(UEFI_VIRT) firmware/uefi/aarch64/start.S firmware/uefi/aarch64/processor.c
UEFI_riscv64 := $(UEFI_VIRT) firmware/uefi/riscv64/start.S firmware/uefi/riscv64/processor.c
BACKEND := host/backend/backend.c host/backend/types.c host/backend/allocate.c \
          host/backend/available.c host/backend/kinds.c host/backend/cgroup.c \
          host/backend/entry.c host/backend/trust.c
# What users write: numbers, and files of KEY = VALUE lines.
TEXT    := host/text/sizes.c host/text/keys.c host/text/geometry.c
# What terminals and other programs read: text of strangers, and metrics.
SHOWN   := host/text/escape.c host/text/exposition.c host/text/plain.c
OPTIONS := host/config/parse.c host/config/options.c host/config/complete.c \
          host/config/settings.c host/config/values.c host/config/bindings.c \
          host/config/config.c host/config/accounts.c host/config/known.c host/config/help.c \
          host/config/descriptors.c host/config/shape.c host/process/log.c $(TEXT)
CONTROL := host/control/status.c host/control/qemu_args.c host/control/cmdline.c \
          host/control/socketpath.c host/control/query.c \
          host/control/request.c host/control/answer.c host/control/lines.c host/control/fields.c \
          host/control/render.c host/control/lookup.c host/control/find.c \
          host/control/text.c host/control/json.c host/control/prometheus.c host/control/qemu.c \
          host/control/libvirt.c host/control/print.c
PROCESS := host/process/inherited.c host/process/holder.c host/process/listener.c \
          host/process/publish.c host/process/acceptor.c host/process/caller.c \
          host/process/loop.c host/process/notify.c
WIRE    := host/wire/state.c host/wire/link.c
SUPERVISOR := host/supervisor/start.c host/supervisor/children.c host/supervisor/reload.c \
          host/supervisor/messages.c host/supervisor/handover.c host/supervisor/ready.c \
          host/supervisor/passing.c host/supervisor/resources.c \
          host/supervisor/listeners.c host/supervisor/child.c \
          host/supervisor/memory.c host/supervisor/parts.c host/supervisor/region.c \
          host/supervisor/daemon.c host/supervisor/marks.c
# What of the server works in the shared state, and needs no process of its own.
SERVING := host/server/clients.c host/server/client_state.c host/server/arrivals.c \
          host/server/admission.c host/server/handshake.c host/server/probe.c \
          host/server/refusal.c host/server/reading.c host/server/sending.c \
          host/server/protocol.c host/server/batch.c \
          host/server/ids.c host/server/closing.c host/server/timeouts.c host/server/takeover.c \
          host/server/resume.c host/server/slots.c host/server/page.c host/server/control.c \
          host/server/report.c host/server/release.c host/server/metrics.c host/server/mapping.c
# What that is made of.
BELOW_SERVING := host/wire/state.c host/config/shape.c host/process/caller.c \
          host/control/answer.c host/control/lines.c host/control/fields.c host/control/render.c
SERVER := host/server/main.c host/server/serve.c host/server/prepare.c host/server/begin.c \
          host/server/alone.c host/server/touch.c host/server/isolate.c \
          host/server/filter.c host/server/rebind.c $(SERVING) \
          $(SUPERVISOR) $(WIRE) $(OPTIONS) $(CONTROL) $(SHOWN) host/control/stop.c \
          host/control/release.c $(BACKEND) $(PROCESS)
CLIENT := host/client/client.c host/client/types.c host/client/handshake.c \
          host/client/map.c host/client/parts.c host/client/protocol.c \
          host/client/messages.c host/client/peers.c host/client/doorbell.c
# One handle and one descriptor over client and node, ivsh/host.h.
LIBRARY := $(addprefix host/library/,open.c place.c attach.c keep.c watch.c ready.c messages.c \
          streams.c events.c metrics.c log.c)
# In a Linux guest: its ivshmem device, by VFIO or sysfs.
LINUX_GUEST := $(addprefix lib/port/linux-guest/,linux_guest.c sysfs.c vfio.c set.c)
# A bridge to other hosts: what is text and bytes.
BRIDGE_TEXT := $(addprefix host/bridge/,config.c subject.c frame.c reply.c window.c say.c busy.c) \
           host/config/accounts.c host/config/known.c
BRIDGE  := $(addprefix host/bridge/,main.c loop.c reload.c control.c status.c remote.c \
           descriptors.c twin.c near.c outgoing.c far.c kept.c look.c opener.c state.c bus.c \
           bus_lines.c connecting.c connection.c events.c trust.c confine.c filter.c) \
           $(BRIDGE_TEXT) host/text/exposition.c host/text/escape.c \
           host/text/keys.c host/text/sizes.c host/process/log.c host/process/inherited.c \
           host/process/notify.c $(CLIENT) $(LIBRARY)
# Measuring geometries.
TUNE   := host/tune/tune.c host/tune/choose.c host/tune/table.c host/tune/pairs.c \
          host/tune/slice.c host/tune/work.c
CAPTURE := host/capture/capture.c host/capture/record.c host/capture/follow.c host/capture/guard.c \
          host/capture/drain.c host/capture/pcapng.c
# A region as an observer sees it: dump, alone and with what the tool has anyway.
OBSERVE := $(addprefix host/observe/,finding.c place.c part.c parts.c rings.c table.c flight.c)
SURVEY  := $(addprefix host/observe/,dump.c survey.c show.c print.c)
DUMP    := $(SURVEY) firmware/app/json.c
# The same again and again: top. Its screen takes ncurses (libncurses-dev); without, as in a static
# program, which has no terminal descriptions, and for other processors, it prints text.
TOP     := $(addprefix host/top/,top.c show.c json.c view.c history.c rates.c sample.c text.c \
           keys.c)
SCREEN  := $(if $(CURSES),host/top/screen.c host/top/draw.c,host/top/no_screen.c)
NO_SCREEN := host/top/no_screen.c
# Streams, sockets and programs: cat, serve, forward.
FORWARD := $(addprefix host/forward/,loop.c flow.c spawn.c address.c)
PEER   := host/peer/main.c host/peer/bridge.c host/peer/place.c host/peer/pci.c host/peer/files.c \
          host/peer/mem.c host/peer/mem_make.c host/peer/mem_split.c host/peer/mem_show.c \
          host/peer/memory.c host/peer/memory_parts.c host/peer/parts.c host/backend/entry.c \
          host/peer/progress.c host/peer/plot.c host/peer/machine.c host/peer/tune.c \
          host/peer/target.c host/peer/stop.c host/peer/folder.c \
          $(APP) $(CLIENT) $(LINUX_GUEST) $(TEXT) $(SHOWN) $(TUNE) \
          host/peer/capture.c host/peer/extcap.c host/peer/own.c $(CAPTURE) \
          $(OBSERVE) $(SURVEY) $(TOP) host/process/inherited.c \
          host/peer/forward.c host/peer/forward_options.c $(FORWARD) $(LIBRARY) \
          host/peer/log.c host/peer/log_lines.c host/peer/expose.c

# --- newlib: Debian's newlib-source, what guests need of it, built once -------------------------
# One libc.a for both worlds: position-independent for ivsh.efi, and yet without a GOT where an
# image is linked at a fixed place (linker/tail.ld): the linker turns every load of an address from
# the GOT into the address itself, if no vector register loads two of them at once
# (-fno-tree-vectorize) and no weak symbol is compared with 0 (-D__weak__=). Not the nano printf: it
# is 19 KB smaller and prints rubbish for %llu and %zu.
NEWLIB_CFLAGS         := -O2 -fvisibility=hidden -ffreestanding -fno-builtin -U__linux__ \
                         -fno-stack-protector $(NO_UNWIND) \
                         -ffunction-sections -fdata-sections -fno-tree-vectorize -D__weak__=
NEWLIB_CFLAGS_x86_64  := -fpie $(MACHINE_x86_64)
# The other architectures' code is position-independent by itself.
NEWLIB_CFLAGS_aarch64 := -fno-pie $(MACHINE_aarch64)
NEWLIB_CFLAGS_riscv64 := -fno-pie $(MACHINE_riscv64)
# The prefix of an architecture's tools: the host's have none.
CROSS_aarch64 := aarch64-linux-gnu-
CROSS_riscv64 := riscv64-linux-gnu-

# Its source, once for all architectures: of a package of Debian 12, 13 or later.
build/newlib/source/unpacked:
	$(Q)ls /usr/src/newlib/newlib-*.tar.xz >/dev/null || \
	    { echo "newlib's source is missing: ./setup.sh run"; exit 1; }
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)tar -xf /usr/src/newlib/newlib-*.tar.xz -C $(@D) --strip-components=2 --wildcards \
	    '*/newlib/configure' '*/newlib/libc/*' '*/newlib/libm/common/*' '*/newlib/libm/math/*'
	$(Q)touch $@

# Each is named, as it must not be an intermediate file: from version 4.4 on, make would take the
# rule of an object that asks for no libc first.
$(ARCHES:%=build/newlib/%-elf/lib/libc.a): build/newlib/%-elf/lib/libc.a: \
    lib/bare/newlib/build.sh lib/bare/newlib/newlib.h build/newlib/source/unpacked | tools-%
	@echo "NEWLIB  $@"
	$(Q)lib/bare/newlib/build.sh build/newlib/source $* build/newlib/$*-elf $(CROSS_$*)gcc \
	    $(CROSS_$*)ar $(NEWLIB_CFLAGS) $(NEWLIB_CFLAGS_$*)

# An architecture's compiler is looked for whenever something is compiled by it.
.PHONY: tools-x86_64 tools-aarch64 tools-riscv64
tools-x86_64:
tools-aarch64 tools-riscv64: tools-%:
	$(Q)command -v $(CC_$*) >/dev/null || \
	    { echo "$(CC_$*) is missing: ./setup.sh $*, or apt install gcc-$*-linux-gnu"; exit 1; }

# --- Rules: one per target and language -------------------------------------------------------
# Objects depend on who compiles and on the flags, the caller's too. Written anew only when these
# have changed, and not by `make install`, which may be called without the flags of the build. Each
# make has a temporary file of its own: run-qemu.sh may be started twice at once.
FLAGS := $(CC) $(COMPILER); $(SDT); $(CURSES); $(subst $(CURDIR),.,$(BARE)); $(CPPFLAGS); \
         $(CFLAGS); $(LDFLAGS)
build/flags: $(if $(filter install,$(MAKECMDGOALS)),,FORCE)
	$(Q)mkdir -p build && now=$@.$$$$ && printf '%s\n' '$(subst ','\'',$(FLAGS))' >$$now && \
	    if cmp -s $$now $@; then rm $$now; else mv $$now $@; fi
.PHONY: FORCE
FORCE:

build/host/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

build/host-pic/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_PIC_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

build/host-sdt/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_SDT_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

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

build/aarch64-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_aarch64-linux) $(CROSS_CFLAGS) -c $< -o $@

build/riscv64-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_riscv64-linux) $(CROSS_CFLAGS) -c $< -o $@

build/armhf-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_armhf-linux) $(CROSS_CFLAGS) -c $< -o $@

build/i386-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_i386-linux) $(CROSS_CFLAGS) -c $< -o $@

# The linker puts no Cortex-M beside Linux' C library if it is told of it.
build/armv7m-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_armv7m-linux) $(CROSS_CFLAGS) -c $< -o $@
	$(Q)arm-linux-gnueabihf-objcopy -R .ARM.attributes $@

build/i386-nofp-linux/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_i386-nofp-linux) $(CROSS_CFLAGS) -c $< -o $@

# Guests: the library and the start code, and what is compiled over newlib.
define guest
build/$(1)/%.o: %.c build/flags | tools-$(1)
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(BARE) $$(MACHINE_$(1)) $$(INTEGER_$(1)) -ffunction-sections \
	    -fdata-sections $$(SIZED) -c $$< -o $$@

build/$(1)/%.o: %.S build/flags | tools-$(1)
	@echo "AS      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(BARE) $$(MACHINE_$(1)) $$(INTEGER_$(1)) -c $$< -o $$@

build/$(1)/firmware/%.o: firmware/%.c build/flags | $(call libc,$(1))
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(call GUEST_CFLAGS,$(1)) -c $$< -o $$@

$(EXAMPLES_C:%=build/$(1)/examples/%.o): build/$(1)/examples/%.o: examples/%.c build/flags \
    | $(call libc,$(1))
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(call GUEST_CFLAGS,$(1)) -c $$< -o $$@

build/$(1)/tests/%.o: tests/%.c build/flags | $(call libc,$(1))
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(call GUEST_CFLAGS,$(1)) -c $$< -o $$@

build/$(1)/lib/bare/newlib/%.o: lib/bare/newlib/%.c build/flags | $(call libc,$(1))
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(call GUEST_CFLAGS,$(1)) -c $$< -o $$@

build/$(1)/%.a: | tools-$(1)
	@echo "AR      $$@"
	$$(Q)rm -f $$@ && $$(AR_$(1)) rcs $$@ $$^
endef
$(foreach arch,$(ARCHES),$(eval $(call guest,$(arch))))

define uefi
build/uefi-$(1)/%.o: %.c build/flags | $(call libc,$(1))
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)test -e $$(EFI_LIB_$(1)) || \
	    { echo "gnu-efi for $(1) is missing: ./setup.sh $$(EFI_SETUP_$(1))"; exit 1; }
	$$(Q)$$(CC_$(1)) $$(call UEFI_CFLAGS,$(1)) -c $$< -o $$@

build/uefi-$(1)/%.o: %.S build/flags | tools-$(1)
	@echo "AS      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) -MMD -MP -c $$< -o $$@

build/uefi-$(1)/%.a:
	@echo "AR      $$@"
	$$(Q)rm -f $$@ && $$(AR_$(1)) rcs $$@ $$^
endef
$(foreach arch,$(UEFI_ARCHES),$(eval $(call uefi,$(arch))))

# Each by its processor's ar: another one writes no table of symbols, and nothing links with it.
build/aarch64-linux/%.a:
	@echo "AR      $@"
	$(Q)rm -f $@ && $(AR_aarch64) rcs $@ $^

build/riscv64-linux/%.a:
	@echo "AR      $@"
	$(Q)rm -f $@ && $(AR_riscv64) rcs $@ $^

build/%.a:
	@echo "AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# --- Host programs ----------------------------------------------------------------------------
build/host/libivsh.a: $(LIB:%.c=build/host/%.o)
build/host/libivsh-client.a: $(CLIENT:%.c=build/host/%.o) $(LIBRARY:%.c=build/host/%.o)
build/host/libivsh-conformance.a: $(CONFORMANCE:%.c=build/host/%.o)

# The host library as others load it: all of it in one file, with the calls of the public headers
# and no others. Its calls of itself stay its own.
build/host/libivsh-client.so.1: lib/sdk/client.map \
    $(patsubst %.c,build/host-pic/%.o,$(LIB) $(CLIENT) $(LIBRARY))
	@echo "LINK    $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_PIC_CFLAGS) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) \
	    -Wl,--version-script=$<,-Bsymbolic-functions -Wl,-z,defs,-z,relro,-z,now \
	    -Wl,-z,noexecstack $(filter %.o,$^) -o $@

build/host/libivsh-client.so: build/host/libivsh-client.so.1
	@echo "LN      $@"
	$(Q)ln -sf libivsh-client.so.1 $@

# What is called is looked up before anybody connects, and cannot be changed afterwards.
build/host/ivsh-server: $(SERVER:%.c=build/host/%.o) build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -Wl,-z,relro,-z,now -pie $^ -o $@

# Under this name it has the defaults of QEMU's server.
build/host/ivshmem-server: build/host/ivsh-server
	@echo "LN      $@"
	$(Q)ln -sf ivsh-server $@

# The files with probes, in place of what the archive has under the same names.
PROBED := $(if $(SDT),$(addprefix build/host-sdt/lib/,core/send.o core/receive.o core/inplace.o \
              core/batch.o core/packed.o core/sender.o core/receiver.o core/ring.o core/wait.o \
              node/fast.o))
build/host/ivsh: $(PEER:%.c=build/host/%.o) $(SCREEN:%.c=build/host/%.o) $(PROBED) \
    build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ $(CURSES) -o $@

# A program of its own: neither ivsh nor the server takes a library that speaks to a network.
build/host/ivsh-bridge: $(BRIDGE:%.c=build/host/%.o) build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -Wl,-z,relro,-z,now -pie $^ $(NATS) -o $@

# For a Linux guest, whose libraries are others, or none.
build/host/ivsh-static: $(PEER:%.c=build/host/%.o) $(NO_SCREEN:%.c=build/host/%.o) $(PROBED) \
    build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -static-pie $^ -o $@

build/host/conformance build/host/conformance-static: \
    $(addprefix build/host/,host/conformance/main.o $(CONFORM:.c=.o)) $(CLIENT:%.c=build/host/%.o) \
    $(LINUX_GUEST:%.c=build/host/%.o) build/host/libivsh-conformance.a build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) $(if $(filter %-static,$@),-static-pie,-pie) \
	    $^ -o $@

# The same for other processors: tests run them by qemu-user.
define elsewhere
build/$(1)/ivsh-server: $(SERVER:%.c=build/$(1)/%.o) build/$(1)/libivsh.a
	@echo "LINK    $$@"
	$$(Q)$$(CC_$(1)) -Wl,-z,relro,-z,now -no-pie $$^ -o $$@

build/$(1)/ivsh: $(PEER:%.c=build/$(1)/%.o) $(NO_SCREEN:%.c=build/$(1)/%.o) build/$(1)/libivsh.a
	@echo "LINK    $$@"
	$$(Q)$$(CC_$(1)) -no-pie $$^ -o $$@
endef
$(foreach target,aarch64-linux riscv64-linux,$(eval $(call elsewhere,$(target))))

build/host-san/ivsh: $(PEER:%.c=build/host-san/%.o) $(SCREEN:%.c=build/host-san/%.o) \
    $(LIB:%.c=build/host-san/%.o)
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_SAN_CFLAGS) -pie $^ $(CURSES) -o $@

# The examples that are for the host, too: IVSH_SOCKET names the server.
$(EXAMPLES_HOST:%=build/host/examples/%): build/host/examples/%: build/host/examples/%.o \
    build/host/examples/host.o build/host/libivsh-client.a build/host/libivsh.a
	@echo "LINK    $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

# Over the shared library, which is found beside the program's folder.
build/host/examples/loop: build/host/examples/loop.o build/host/libivsh-client.so
	@echo "LINK    $@"; mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $< -Lbuild/host -livsh-client \
	    -Wl,-rpath,'$$ORIGIN/..' -o $@

# The one in C++ needs no library of C++.
build/host/examples/echo.o: examples/echo.cpp build/flags
	@echo "CXX     $@"; mkdir -p $(@D)
	$(Q)$(CC) $(call cpp,$(HOST_CFLAGS)) $(CPPFLAGS) -c $< -o $@

build/x86_64/examples/echo.o: examples/echo.cpp build/flags | $(LIBC)
	@echo "CXX     $@"; mkdir -p $(@D)
	$(Q)$(CC_x86_64) $(call cpp,$(call GUEST_CFLAGS,x86_64)) -c $< -o $@

# Kernels with start code of their own: no linker script, and nothing of newlib or lib/bare.
build/x86_64/examples/kernel.elf: $(EXAMPLE_kernel) build/x86_64/libivsh.a
build/x86_64/examples/tasks.elf: $(EXAMPLE_tasks) build/x86_64/libivsh.a
build/x86_64/examples/kernel.elf build/x86_64/examples/tasks.elf:
	@echo "LD      $@"; mkdir -p $(@D)
	$(Q)$(LD_x86_64) -static -z noexecstack -Ttext-segment=0x200000 -e entry -o $@ $^

# --- A guest with Linux: Debian's kernel, busybox, and programs of ours -----------------------
LINUX_PROGRAMS := build/host/ivsh-static build/host/conformance-static
LINUX_FILES := $(wildcard build/linux/debian/boot/vmlinuz-*)
build/linux/vmlinuz: $(LINUX_FILES)
	@echo "CP      $@"; mkdir -p $(@D)
	$(Q)test -n "$(LINUX_FILES)" || \
	    { echo "Debian's kernel is missing: ./setup.sh linux"; exit 1; }
	$(Q)cp $(firstword $(LINUX_FILES)) $@

build/linux/initramfs: host/demo/initramfs.sh host/demo/init build/linux/vmlinuz $(LINUX_PROGRAMS)
	@echo "PACK    $@"
	$(Q)host/demo/initramfs.sh build/linux/debian $@ $(LINUX_PROGRAMS)

# --- The library in one file: with any compiler, and any build ----------------------------------
build/amalgamation/ivsh.c: lib/amalgamation.sh $(LIB) \
    $(wildcard lib/include/ivsh/*.h $(sort $(addsuffix *.h,$(dir $(LIB)))))
	@echo "JOIN    $@"
	$(Q)lib/amalgamation.sh $(@D) $(LIB)

# --- Manual pages of the library's calls, from the comments of its headers -----------------------
build/man3/made: lib/sdk/man3.py lib/sdk/calls.py host/man/ivsh.1 $(wildcard lib/include/ivsh/*.h)
	@echo "MAN     $(@D)"
	$(Q)command -v $(PYTHON) >/dev/null || \
	    { echo "python3 is missing: ./setup.sh run"; exit 1; }
	$(Q)$(PYTHON) -B $< $(@D) && touch $@

# --- Bare metal: a library, and images that QEMU boots with -kernel -----------------------------
define images
build/$(1)/libivsh.a: $(LIB:%.c=build/$(1)/%.o)
build/$(1)/libivsh-bare.a: $(addsuffix .o,$(basename $(BARE_$(1):%=build/$(1)/%))) \
    $(ONLIBC:%.c=build/$(1)/%.o)

build/$(1)/libivsh-conformance.a: $(CONFORMANCE:%.c=build/$(1)/%.o)

BARE_LIBS_$(1) := build/$(1)/libivsh-bare.a build/$(1)/libivsh.a $(call libc,$(1))

build/$(1)/conformance.elf: \
    $(addprefix build/$(1)/,firmware/conformance/bare.o firmware/$(1)/memtype.o $(CONFORM:.c=.o)) \
    build/$(1)/libivsh-conformance.a $$(BARE_LIBS_$(1))

$(EXAMPLES:%=build/$(1)/examples/%.elf): build/$(1)/examples/%.elf: \
    build/$(1)/examples/%.o build/$(1)/examples/bare.o $$(BARE_LIBS_$(1))
build/$(1)/ivsh.elf build/$(1)/ivsh-sbi.elf: $(patsubst %.c,build/$(1)/%.o,$(call GUEST,$(1))) \
    $(APP:%.c=build/$(1)/%.o) $(APP_DEVICE:%.c=build/$(1)/%.o) $$(BARE_LIBS_$(1))

# The archives need each other: the start code calls bare_main(), the platform calls libivsh. Some
# architectures' newlib has system calls of its own: _exit takes syscalls.c in before them.
build/$(1)/%.elf: linker/$(1).ld linker/tail.ld
	@echo "LD      $$@"; mkdir -p $$(@D)
	$$(Q)$$(LD_$(1)) -nostdlib -static --gc-sections -z noexecstack -z max-page-size=4096 \
	    --orphan-handling=error $$(PLACE) -u _exit -T $$< -o $$@ --start-group \
	    $$(filter %.o %.a,$$^) $$(LIBGCC_$(1)) --end-group
endef
$(foreach arch,$(ARCHES),$(eval $(call images,$(arch))))

# riscv64's programs are linked for the reset vector of virt, and a second time for OpenSBI.
build/%.elf: PLACE :=
build/riscv64/%.elf: PLACE := --defsym=image_base=0x80000000 --defsym=image_entry=rv_machine_entry
build/riscv64/%-sbi.elf: \
    PLACE := --defsym=image_base=0x80200000 --defsym=image_entry=rv_supervisor_entry
BARE_LIBS := $(BARE_LIBS_x86_64)
build/x86_64/examples/echo.elf: $(addprefix build/x86_64/examples/,echo.o bare.o) $(BARE_LIBS)

# --- ivsh.efi ---------------------------------------------------------------------------------
# A shared object that binds to itself; aarch64: an executable, as newlib's code there is for one.
# crt0, or aarch64's start.S, relocates it where the firmware loads it, and calls efi_main(). The
# crt0 of gnu-efi 3.0.18 and later calls _entry() instead, libefi's, which sets up what nothing here
# uses, and then calls efi_main().
EFI_LINK_x86_64  := -shared -Bsymbolic
EFI_LINK_aarch64 := -pie --no-dynamic-linker
EFI_LINK_riscv64 := -pie --no-dynamic-linker --no-relax
EFI_PE_x86_64    := pei-x86-64
EFI_PE_aarch64   := pei-aarch64-little
EFI_PE_riscv64   := pei-riscv64-little
OBJCOPY_x86_64    = $(OBJCOPY)
OBJCOPY_aarch64  := $(CROSS_aarch64)objcopy
OBJCOPY_riscv64  := $(CROSS_riscv64)objcopy
define efi
UEFI_OBJS_$(1) := $(addsuffix .o,$(basename $(patsubst %,build/uefi-$(1)/%,$(call UEFI,$(1)))))
build/uefi-$(1)/libivsh.a: $(LIB:%.c=build/uefi-$(1)/%.o)
build/uefi-$(1)/libivsh-conformance.a: $(CONFORMANCE:%.c=build/uefi-$(1)/%.o)

build/uefi-$(1)/ivsh.so: $$(UEFI_OBJS_$(1)) \
    $(APP:%.c=build/uefi-$(1)/%.o) $(APP_DEVICE:%.c=build/uefi-$(1)/%.o) \
    build/uefi-$(1)/libivsh.a $(call libc,$(1))
build/uefi-$(1)/conformance.so: $$(UEFI_OBJS_$(1)) \
    $(addprefix build/uefi-$(1)/,firmware/conformance/uefi.o $(CONFORM:.c=.o)) \
    build/uefi-$(1)/libivsh-conformance.a build/uefi-$(1)/libivsh.a $(call libc,$(1))
build/uefi-$(1)/%.so: linker/uefi-$(1).ld
	@echo "LD      $$@"
	$$(Q)$$(LD_$(1)) -nostdlib $$(EFI_LINK_$(1)) --no-undefined --gc-sections -z noexecstack \
	    -z text --orphan-handling=error --defsym=_entry=efi_main -o $$@ $$(EFI_CRT_$(1)) \
	    -T $$^ $$(EFI_LIB_$(1)) $$(LIBGCC_$(1))

build/uefi-$(1)/%.efi: build/uefi-$(1)/%.so
	@echo "OBJCOPY $$@"
	$$(Q)$$(OBJCOPY_$(1)) -j .text -j .rodata -j .reloc -j .rela -j .dynamic -j .data \
	    -O $$(EFI_PE_$(1)) --subsystem=10 $$< $$@
endef
$(foreach arch,$(UEFI_ARCHES),$(eval $(call efi,$(arch))))

# --- Tests, fuzzers, measurements ----------------------------------------------------------------
comma := ,
space := $() $()
include tests/fuzz/fuzz.mk tests/bench/bench.mk tests/tests.mk

# --- Goals ------------------------------------------------------------------------------------
.PHONY: all host aarch64 riscv64 linux amalgamation test build/check soak counts bench \
    bench-guest bench-server fuzz check format install uninstall deb help clean distclean

## Build everything
all: host amalgamation build/man3/made \
     build/x86_64/libivsh.a build/x86_64/libivsh-bare.a build/x86_64/ivsh.elf \
     build/x86_64/libivsh-conformance.a build/x86_64/conformance.elf \
     build/uefi-x86_64/libivsh.a build/uefi-x86_64/ivsh.efi \
     build/uefi-x86_64/libivsh-conformance.a build/uefi-x86_64/conformance.efi

## Build this machine's programs and library, or another processor's (CC=aarch64-linux-gnu-gcc)
host: build/host/ivsh-server build/host/ivshmem-server build/host/ivsh build/host/ivsh-static \
    build/host/libivsh.a build/host/libivsh-client.a build/host/libivsh-conformance.a \
    build/host/libivsh-client.so build/host/conformance $(if $(NATS),build/host/ivsh-bridge)

## Build the libraries, the guest program and the UEFI application for aarch64
aarch64: build/aarch64/libivsh.a build/aarch64/libivsh-bare.a build/aarch64/ivsh.elf \
    build/aarch64/libivsh-conformance.a build/aarch64/conformance.elf \
    build/uefi-aarch64/libivsh.a build/uefi-aarch64/ivsh.efi \
    build/uefi-aarch64/libivsh-conformance.a build/uefi-aarch64/conformance.efi

## Build the libraries and the guest program for riscv64; UEFI's where gnu-efi is for it
riscv64: build/riscv64/libivsh.a build/riscv64/libivsh-bare.a build/riscv64/ivsh.elf \
    build/riscv64/ivsh-sbi.elf \
    build/riscv64/libivsh-conformance.a build/riscv64/conformance.elf \
    $(if $(wildcard build/gnu-efi/riscv64),build/uefi-riscv64/libivsh.a \
    build/uefi-riscv64/ivsh.efi)

## Build the image of a Linux guest, of Debian's kernel (./setup.sh linux)
linux: build/linux/vmlinuz build/linux/initramfs

## Build the library as two files, build/amalgamation/ivsh.h and ivsh.c
amalgamation: build/amalgamation/ivsh.c

build/check: all $(LIBS_ELSEWHERE) $(ORDERED) build/host/tests/core/example_test \
    $(ARCHES:%=build/%/libivsh-conformance.a)
build/test: build/check $(C_TESTS) $(C_ALONE) $(EMULATED_TESTS) \
    $(call programs,$(HOSTS_ELSEWHERE),ivsh ivsh-server) \
    $(foreach arch,$(ARCHES),$(EXAMPLES:%=build/$(arch)/examples/%.elf)) \
    $(EXAMPLES_HOST:%=build/host/examples/%) build/host/examples/loop \
    $(patsubst %,build/x86_64/examples/%.elf,kernel tasks echo) \
    $(FUZZ_LIB) $(FUZZ_SERVER) $(GUEST_TESTS) $(ARCHES:%=build/%/irq_test.elf) \
    build/riscv64/ivsh.elf build/x86_64/pair.elf build/uefi-x86_64/plug.efi \
    $(if $(NATS),build/x86_64/trips.elf) \
    $(foreach guest,plug moved claim hostile numbers wrong_test,$(ARCHES:%=build/%/$(guest).elf)) \
    build/uefi-x86_64/moved.efi build/aarch64/bare_test.elf \
    build/riscv64/bare_test.elf build/riscv64/bare_test-sbi.elf build/riscv64/irq_test-sbi.elf \
    $(ARCHES:%=build/%/traffic.elf) build/host/traffic \
    build/host/talker \
    build/host/survivor build/host/numbers build/host/tests/host/load \
    $(if $(NATS),build/host/tests/bench/bridge/bridge build/host/turns.so) \
    $(COUNTED) $(WEIGHED_ALL) \
    $(ONE_FILE) $(firstword $(subst $(comma),$(space),$(BENCH_CHECK))) \
    build/x86_64/u-boot.bin build/riscv64/u-boot.bin build/grub-x86_64/ivsh.mod \
    aarch64 riscv64 linux \
    build/uefi-aarch64/cached.efi build/host-san/compare $(SUMS) $(PRINTERS)
.PHONY: build/test

# As many at once as there are processors, unless the caller says how many.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

## Install what is missing, build, and run every test
test:
	$(Q)./setup.sh test
	$(Q)$(MAKE) $(JOBS) build/test
	$(Q)$(PYTHON) tests/run.py $(SUITES) --alone $(ALONE) --idle $(IDLE)

DISTROS := tests/distros/run.sh,bookworm,whole tests/distros/run.sh,trixie,whole \
           tests/distros/run.sh,sid,demos tests/packages/run.sh,boot

## The same cases with larger counts, and in clean roots of other Debians
soak:
	$(Q)./setup.sh test
	$(Q)./setup.sh distros
	$(Q)$(MAKE) $(JOBS) build/test
	$(Q)IVSH_SOAK=1 $(PYTHON) tests/run.py \
	    $(subst run.py$(comma)30,run.py$(comma)600,$(SUITES)) \
	    --alone $(ALONE) $(DISTROS) --idle $(IDLE) $(ONE_WAY_SOAK)

## Check layers, headers, symbols, the specification and the format
check:
	$(Q)./setup.sh check
	$(Q)$(MAKE) $(JOBS) build/check
	$(Q)$(PYTHON) tests/run.py $(CHECKS)

## Lay out every C file as .clang-format says
format:
	$(CLANG_FORMAT) -i $$(git ls-files '*.c' '*.h')

# --- Installing -------------------------------------------------------------------------------
# make install DESTDIR=/tmp/package PREFIX=/usr LIBDIR=lib/x86_64-linux-gnu; what comes with it goes
# with make uninstall. Of other architectures, what `make aarch64` and `make riscv64` have built
# before is installed, too.
DESTDIR    :=
PREFIX     := /usr/local
LIBDIR     := lib
SBINDIR    := sbin
SYSCONFDIR := /etc
PYTHONDIR  := lib/python3/dist-packages

# What programs of guests are compiled and linked with, by the compiler of their architecture: what
# the machine needs, and the linker's script. tests/install builds such programs.
SDK_CFLAGS  := -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
               $(NO_UNWIND)
SDK_LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections,-z,noexecstack,-z,max-page-size=4096 \
               -Wl,--orphan-handling=error,--build-id=none,--no-eh-frame-hdr,-u,_exit
# C++ besides: without exceptions and threads, and with the C library's atexit().
SDK_CXXFLAGS := -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit
quote        = '$(subst ','\'',$(1))'
SDK          = $(foreach name,DESTDIR PREFIX LIBDIR SBINDIR SYSCONFDIR PYTHONDIR ARCHES \
                   UEFI_ARCHES, \
                   $(name)=$(call quote,$($(name)))) \
               CXXFLAGS=$(call quote,$(SDK_CXXFLAGS)) \
               $(foreach arch,$(ARCHES),CC_$(arch)=$(call quote,$(SDK_CC_$(arch))) \
                   CFLAGS_$(arch)=$(call quote,$(strip $(MACHINE_$(arch)) $(SDK_CFLAGS))) \
                   LDFLAGS_$(arch)=$(call quote,$(strip $(SDK_LDFLAGS) $(SDK_ABI_$(arch)))))
SDK_CC_x86_64  := x86_64-linux-gnu-gcc
SDK_CC_aarch64 := $(CC_aarch64)
SDK_CC_riscv64 := $(CC_riscv64)
SDK_ABI_riscv64 := -march=rv64gc -mabi=lp64d

# Its terms go with the binary.
build/newlib/COPYING.NEWLIB:
	$(Q)ls /usr/src/newlib/newlib-*.tar.xz >/dev/null || \
	    { echo "newlib's source is missing: ./setup.sh run"; exit 1; }
	$(Q)tar -xOf /usr/src/newlib/newlib-*.tar.xz --wildcards '*/COPYING.NEWLIB' >$@

## Install programs, manuals and the SDK under DESTDIR and PREFIX
install: all build/newlib/COPYING.NEWLIB
	$(Q)$(SDK) lib/sdk/install.sh

## Remove what was installed; default.conf only if nobody has changed it
uninstall:
	$(Q)$(SDK) lib/sdk/uninstall.sh

## Build Debian packages in build/deb
deb:
	$(Q)./setup.sh packages
	$(Q)lib/sdk/deb.sh build/deb

## Show this help
help:
	@awk '/^## /{h=substr($$0,4); getline; sub(/:.*/,""); printf "  %-12s %s\n",$$0,h}' \
	    $(filter %Makefile %.mk,$(MAKEFILE_LIST))

## Remove what was built, except newlib, and what setup.sh has downloaded
clean:
	rm -rf $(filter-out build/newlib build/gnu-efi build/linux build/nats,$(wildcard build/*)) \
	    $(filter-out build/linux/debian,$(wildcard build/linux/*))

## Remove build/
distclean:
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
