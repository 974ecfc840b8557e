# SPDX-License-Identifier: MIT
#
# tests.mk - the test programs: what they are made of, how they are linked, and what `make test`
# runs. tests/README.md says what each is for.

# --- Programs: build/<target>/<name> for each target of their kind ------------------------------
TESTS_DEVICE := tests/device/config_test tests/device/pci_test tests/device/assign_test \
                tests/device/device_test tests/device/msix_test tests/device/ranges_test \
                tests/device/place_test tests/device/hotplug_test \
                tests/device/mapped_test tests/device/set_test
TESTS_CORE   := tests/core/layout_test tests/core/region_test tests/core/peer_test \
                tests/core/channel_test tests/core/restart_test tests/core/writers_test \
                tests/core/hostile_test tests/core/wait_test tests/core/stream_test \
                tests/core/reset_test tests/core/loss_test tests/core/events_test \
                tests/core/service_test \
                tests/core/next_test tests/core/batch_test tests/core/fastpath_test \
                tests/core/broken_test tests/core/moved_test tests/core/least_test \
                tests/core/packed_test tests/core/window_test tests/core/large_test \
                tests/core/metric_test tests/core/log_test tests/core/split_test \
                tests/core/one_way_test
TESTS_NODE   := tests/node/open_test tests/node/message_test tests/node/call_test \
                tests/node/stream_test tests/node/events_test \
                tests/node/connection_test tests/node/show_test
# What stores and loads words of 8 bytes where the machine has no such access.
TESTS_HALVES := tests/core/region_test tests/core/channel_test tests/core/restart_test \
                tests/core/reset_test tests/core/batch_test tests/core/next_test \
                tests/core/moved_test tests/core/packed_test tests/core/metric_test \
                tests/core/log_test
TESTS_RACE   := tests/core/race_test
TESTS_HOOK   := tests/core/storm_test tests/node/storm_test
TESTS_COUNT  := tests/core/mesh_test tests/core/crash_test tests/core/poll_test \
                tests/core/pause_test tests/core/migrate_test tests/core/back_test \
                tests/core/log_cut_test
TESTS_MOVE   := tests/node/migrate_test
TESTS_FROZEN := tests/host/frozen_test
TESTS_OBSERVE := tests/host/observe_test
TESTS_LIST := tests/host/list_test
TESTS_TOP    := tests/host/top_test
TESTS_FOLLOW := tests/host/follow_test
TESTS_TSAN   := tests/core/pair_test
TESTS_KILL   := tests/host/kill_test
TESTS_ROAD   := tests/host/control_test \
                tests/host/backend_test tests/host/client_test tests/host/doorbell_test \
                tests/host/sizes_test tests/host/geometry_test tests/host/config_test \
                tests/host/protocol_test tests/host/tune_test tests/host/histogram_test \
                tests/host/shown_test tests/host/json_test tests/host/bridge_test \
                tests/host/takeover_test tests/host/cgroup_test
TESTS_LIBRARY := tests/host/library_test
TESTS_FILTER := tests/host/filter_test tests/host/bridge_filter_test
TESTS_UEFI   := tests/uefi/args_test
TESTS_CONFORM := tests/conformance/mem_test
TESTS_PORT   := tests/port/talk_test
TESTS_BARE   := tests/bare/generation_test tests/bare/dtb_test tests/bare/virt_test \
                tests/bare/its_test

# The targets that a kind of test is built for.
ELSEWHERE      := aarch64-linux riscv64-linux armhf-linux i386-linux
HALVES         := armv7m-linux i386-nofp-linux
# Where the host side is built, too.
HOSTS_ELSEWHERE := aarch64-linux riscv64-linux
programs        = $(foreach target,$(1),$(2:%=build/$(target)/%))
ROAD_ELSEWHERE := $(call programs,$(HOSTS_ELSEWHERE),$(TESTS_ROAD))
EMULATED_TESTS := $(call programs,$(ELSEWHERE),$(TESTS_CORE) $(TESTS_NODE) $(TESTS_DEVICE)) \
                  $(call programs,$(HALVES),$(TESTS_HALVES)) \
                  $(ROAD_ELSEWHERE) \
                  $(call programs,$(HOSTS_ELSEWHERE),$(TESTS_UEFI) $(TESTS_BARE)) \
                  $(call programs,$(ELSEWHERE),$(TESTS_FILTER))

# --- Objects: of the target that the program, $@, is built for -----------------------------------
.SECONDEXPANSION:
objects = $(patsubst %.c,$(firstword $(subst /tests/, ,$@))/%.o,$(1))

$(call programs,host host-san $(ELSEWHERE),$(TESTS_DEVICE)): \
    $$(call objects,tests/device/fake_platform.c tests/device/fake_slots.c \
        tests/device/machines.c $(DEVICE))
$(call programs,host host-san $(ELSEWHERE),tests/device/set_test): \
    $$(call objects,$(SET) $(CORE))
$(call programs,host host-san $(ELSEWHERE),$(TESTS_CORE)) \
    $(call programs,$(HALVES),$(TESTS_HALVES)) \
    $(call programs,host host-san,$(TESTS_RACE)) build/host/tests/core/example_test: \
    $$(call objects,tests/core/world.c $(CORE))
$(call programs,host host-san $(ELSEWHERE),$(TESTS_NODE)): \
    $$(call objects,tests/node/town.c tests/core/world.c $(CORE) $(NODE))
$(call programs,host host-san,$(TESTS_PORT)): $$(call objects,lib/port/talk.c \
    tests/node/town.c tests/core/world.c $(CORE) $(NODE))
$(call programs,host-hook,$(TESTS_HOOK)): \
    $$(call objects,tests/node/town.c tests/core/world.c tests/lib/hostile_peer.c $(CORE) $(NODE))
# These have a hook of their own.
$(call programs,host-hook,$(TESTS_MOVE)): \
    $$(call objects,tests/node/town.c tests/core/world.c $(CORE) $(NODE))
$(call programs,host-hook,$(TESTS_COUNT)): $$(call objects,tests/core/world.c $(CORE))
$(call programs,host-hook,$(TESTS_FROZEN)): \
    $$(call objects,tests/core/world.c $(OBSERVE) $(CORE))
$(call programs,host-hook,$(TESTS_FOLLOW)): $$(call objects,tests/core/world.c $(CORE) \
    $(addprefix host/capture/,follow.c record.c guard.c drain.c pcapng.c))
$(call programs,host-tsan,$(TESTS_TSAN)): $$(call objects,$(CORE))
$(call programs,host,$(TESTS_KILL)): $$(call objects,tests/host/numbers.c $(CORE))
$(call programs,host host-san host-tsan,$(TESTS_LIBRARY)): \
    $$(call objects,$(LIBRARY) $(CLIENT) $(CORE) $(NODE))

$(call programs,host host-san,$(TESTS_OBSERVE)): $$(call objects,tests/core/world.c \
    $(OBSERVE) $(filter-out %/dump.c,$(DUMP)) $(CORE))
$(call programs,host host-san,$(TESTS_LIST)): $$(call objects,tests/core/world.c \
    tests/host/listing.c $(filter %/finding.c %/place.c %/part.c %/parts.c,$(OBSERVE)) \
    $(addprefix firmware/app/,info.c show.c json.c probe.c refuse.c) $(CORE))

$(call programs,host host-san,$(TESTS_TOP)): $$(call objects,$(OBSERVE) $(CORE) \
    $(addprefix host/top/,view.c history.c rates.c sample.c text.c keys.c))

both = $(call programs,host host-san $(HOSTS_ELSEWHERE),$(1))
$(call both,tests/host/backend_test): $$(call objects,$(BACKEND))
$(call both,tests/host/cgroup_test): $$(call objects,host/backend/cgroup.c)
$(call both,tests/host/client_test): $$(call objects,$(CLIENT) $(CORE))
$(call both,tests/host/doorbell_test): $$(call objects,$(CLIENT) $(CORE))
$(call both,tests/host/control_test): $$(call objects,$(CONTROL) $(SHOWN))
$(call both,tests/host/config_test): $$(call objects,$(OPTIONS) $(CORE))
$(call both,tests/host/sizes_test): $$(call objects,host/text/sizes.c)
$(call both,tests/host/shown_test): $$(call objects,$(SHOWN))
$(call both,tests/host/histogram_test): \
    $$(call objects,firmware/app/histogram.c firmware/app/json.c)
$(call both,tests/host/json_test): $$(call objects,firmware/app/json.c)
$(call both,tests/host/bridge_test): $$(call objects,$(BRIDGE_TEXT) host/process/log.c \
    host/bridge/descriptors.c host/text/keys.c host/text/sizes.c)
$(call both,tests/host/tune_test): \
    $$(call objects,host/tune/tune.c host/tune/choose.c host/tune/table.c host/tune/pairs.c \
        $(CORE))
$(call both,tests/host/geometry_test): $$(call objects,$(TEXT) $(CORE))
$(call both,tests/host/protocol_test tests/host/takeover_test): \
    $$(call objects,host/process/log.c host/wire/link.c $(BELOW_SERVING) $(SERVING) $(CORE))
$(call programs,host $(ELSEWHERE),$(TESTS_FILTER)): $$(call objects,tests/host/verdict.c)
$(call programs,host $(ELSEWHERE),tests/host/filter_test): $$(call objects,host/server/filter.c)
$(call programs,host $(ELSEWHERE),tests/host/bridge_filter_test): \
    $$(call objects,host/bridge/filter.c)
$(call both,$(TESTS_CONFORM)): $$(call objects,$(CONFORMANCE) $(DEVICE) lib/core/error.c)
$(call both,$(TESTS_UEFI)): $$(call objects,firmware/uefi/args.c lib/bare/words.c)
$(call both,tests/bare/generation_test): $$(call objects,lib/bare/generation.c lib/bare/fw_cfg.c)
$(call both,tests/bare/dtb_test): \
    $$(call objects,tests/bare/tree.c lib/bare/dtb.c lib/bare/dtb_find.c)
$(call both,tests/bare/its_test): $$(call objects,tests/bare/fake_its.c lib/bare/aarch64/its.c \
    lib/bare/aarch64/its_queue.c lib/bare/aarch64/lpi.c lib/bare/aarch64/slots.c)
$(call both,tests/bare/virt_test): $$(call objects,tests/bare/tree.c tests/bare/machine.c \
    lib/device/config.c $(VIRT))

# --- Linking ------------------------------------------------------------------------------------
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

# Programs of another processor are linked by its compiler: build/aarch64-linux/... by
# CC_aarch64-linux. Those of the host side look up accounts, which a static program cannot.
$(EMULATED_TESTS): $$@.o $$(call objects,tests/lib/test.c)
	@echo "LINK    $@"
	$(Q)$(firstword $(CC_$(word 2,$(subst /, ,$@)))) \
	    $(if $(filter $(ROAD_ELSEWHERE),$@),-no-pie,-static) $(filter %.o,$^) -o $@

build/host/tests/host/load: build/host/tests/host/load.o build/host/tests/host/swarm.o \
    build/host/tests/host/visits.o
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

# For tests/bare/test_dtb.py: beside Debian's libfdt.
build/host-san/compare: $(addprefix build/host-san/,tests/bare/compare.o lib/bare/dtb.o \
    lib/bare/dtb_find.o)
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_SAN_CFLAGS) -pie $^ -lfdt -o $@

# For tests/host/test_kill.py.
build/host/numbers: build/host/tests/host/numbers_peer.o build/host/tests/host/numbers.o \
    build/host/libivsh-client.a build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

build/host/survivor: build/host/tests/host/survivor.o build/host/libivsh-client.a \
    build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

# For tests/host/test_bridge_turns.py.
build/host/turns.so: build/host-pic/tests/host/turns.o
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_PIC_CFLAGS) $(CFLAGS) $(LDFLAGS) -shared $< -o $@

# For tests/demos/test_library.py: a program over the shared library, and a guest at its other end.
build/host/looper: build/host/tests/host/looper.o build/host/libivsh-client.so
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $< -Lbuild/host -livsh-client \
	    -Wl,-rpath,'$$ORIGIN' -o $@
SUMS := build/x86_64/sums.elf build/uefi-x86_64/sums.efi build/host/looper
build/uefi-x86_64/sums.so: $(UEFI_OBJS_x86_64) \
    $(addprefix build/uefi-x86_64/tests/guest/,sums.o sums_uefi.o) \
    build/uefi-x86_64/libivsh.a $(LIBC)
build/x86_64/sums.elf: $(addprefix build/x86_64/tests/guest/,sums.o sums_bare.o) \
    $(BARE_LIBS_x86_64)

# For tests/demos/test_console.py.
PRINTERS := $(ARCHES:%=build/%/printer.elf) build/uefi-x86_64/printer.efi
build/uefi-x86_64/printer.so: $(UEFI_OBJS_x86_64) \
    $(addprefix build/uefi-x86_64/tests/guest/,printer.o printer_uefi.o) \
    build/uefi-x86_64/libivsh.a $(LIBC)

# For tests/host/test_capture.py.
build/host/talker: build/host/tests/host/talker.o build/host/libivsh-client.a build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

# For tests/moved: the same traffic as a process and as a guest.
TRAFFIC := tests/moved/traffic.o tests/moved/numbered.o
build/host/traffic: $(addprefix build/host/,tests/moved/traffic_host.o $(TRAFFIC)) \
    build/host/libivsh-client.a build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@

# --- Guests: linked by the Makefile's rule for images --------------------------------------------
bare_test = build/$(1)/bare_test.elf: $(addprefix build/$(1)/tests/guest/,bare_test.o \
    mapping.o registers.o actions.o bare_$(1).o) build/$(1)/tests/lib/test.o $(BARE_LIBS_$(1))
$(call bare_test,x86_64)
$(call bare_test,aarch64)
$(call bare_test,riscv64)
$(subst bare_test.elf,bare_test-sbi.elf,$(call bare_test,riscv64))
build/uefi-x86_64/plug.so: $(UEFI_OBJS_x86_64) \
    $(addprefix build/uefi-x86_64/tests/guest/,plug.o plug_uefi.o) \
    build/uefi-x86_64/libivsh.a $(LIBC)
build/uefi-aarch64/cached.so: $(UEFI_OBJS_aarch64) \
    build/uefi-aarch64/tests/guest/cached_uefi.o build/uefi-aarch64/libivsh.a \
    $(call libc,aarch64)
# What can be done with the GUID of QEMU's vmgenid device, which only x86_64 has.
MOVED_x86_64  := tests/guest/moved.o tests/guest/moved_guid.o
MOVED_aarch64 := tests/guest/moved.o tests/guest/moved_no_guid.o
MOVED_riscv64 := $(MOVED_aarch64)
define guests
build/$(1)/printer.elf: $(addprefix build/$(1)/tests/guest/,printer.o printer_bare.o) \
    $$(BARE_LIBS_$(1))
build/$(1)/plug.elf: $(addprefix build/$(1)/tests/guest/,plug.o plug_bare.o) $$(BARE_LIBS_$(1))
build/$(1)/traffic.elf: $(addprefix build/$(1)/,tests/moved/traffic_guest.o $(TRAFFIC)) \
    $$(BARE_LIBS_$(1))
build/$(1)/numbers.elf: build/$(1)/tests/guest/numbers.o $$(BARE_LIBS_$(1))
build/$(1)/wrong_test.elf: $(addprefix build/$(1)/,$(addprefix tests/conformance/,wrong_test.o \
    wrong_time.o wrong_device.o) tests/lib/test.o $(CONFORM:.c=.o) firmware/$(1)/memtype.o) \
    build/$(1)/libivsh-conformance.a $$(BARE_LIBS_$(1))
build/$(1)/hostile.elf: build/$(1)/tests/guest/hostile.o $$(BARE_LIBS_$(1))
build/$(1)/claim.elf: build/$(1)/tests/guest/claim.o $$(BARE_LIBS_$(1))
build/$(1)/moved.elf: $(MOVED_$(1):%=build/$(1)/%) $$(BARE_LIBS_$(1))
endef
$(foreach arch,$(ARCHES),$(eval $(call guests,$(arch))))
# In place of the commands that main.c calls.
build/uefi-x86_64/tests/guest/moved.o: UEFI_MORE := -DMOVED_UEFI
build/uefi-x86_64/moved.so: $(UEFI_OBJS_x86_64) \
    $(MOVED_x86_64:%=build/uefi-x86_64/%) build/uefi-x86_64/libivsh.a $(LIBC)
define guest_irq
build/$(1)/irq_test.elf build/$(1)/irq_test-sbi.elf: build/$(1)/tests/guest/irq_test.o \
    build/$(1)/tests/lib/test.o $$(BARE_LIBS_$(1))
endef
$(foreach arch,$(ARCHES),$(eval $(call guest_irq,$(arch))))

# For the `go` of a U-Boot: its port's program for that machine, at a place of RAM that is free.
define u_boot
build/$(1)/u-boot.bin: lib/port/u-boot/standalone/program.ld \
    $(addprefix build/$(1)/lib/port/,u-boot/standalone/start.o u-boot/standalone/$(2).o talk.o) \
    build/$(1)/libivsh.a
	@echo "LD      $$@"
	$$(Q)$$(LD_$(1)) -nostdlib -static --gc-sections -z noexecstack --no-warn-rwx-segments \
	    --orphan-handling=error --defsym=program_base=$(3) -T $$^ -o $$(@:.bin=.prog)
	$$(Q)$$(OBJCOPY_$(1)) -O binary $$(@:.bin=.prog) $$@
endef
$(eval $(call u_boot,x86_64,pc,0x4000000))
$(eval $(call u_boot,riscv64,virt,0x82000000))

# A module for the GRUB of x86_64 under UEFI, which puts it anywhere; of GRUB it has what
# tests/port/stubs declares. objcopy gives it its name, as GRUB's own build would.
GRUB_CFLAGS := $(BARE) $(MACHINE_x86_64) $(INTEGER_x86_64) -fno-pie -mcmodel=large \
               -Itests/port/stubs/grub
build/grub-x86_64/%.o: %.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC_x86_64) $(GRUB_CFLAGS) -c $< -o $@
build/grub-x86_64/ivsh.mod: $(patsubst %.c,build/grub-x86_64/%.o, \
    lib/port/grub/ivsh_grub.c lib/port/talk.c $(LIB))
	@echo "LD      $@"
	$(Q)$(LD_x86_64) -r $^ -o $(@:.mod=.o)
	$(Q)printf 'ivsh\0' >$(@:.mod=.name)
	$(Q)$(OBJCOPY_x86_64) --strip-unneeded -K grub_mod_init -K grub_mod_fini -R .comment \
	    -R .note.GNU-stack --add-section .modname=$(@:.mod=.name) $(@:.mod=.o) $@

# The tests of the core, the node and the device room again, as guests.
define guest_tests
$(TESTS_CORE:%=build/$(1)/%.elf): build/$(1)/tests/core/%.elf: build/$(1)/tests/core/%.o \
    build/$(1)/tests/core/world.o build/$(1)/tests/lib/test.o $$(BARE_LIBS_$(1))

$(TESTS_NODE:%=build/$(1)/%.elf): build/$(1)/tests/node/%.elf: build/$(1)/tests/node/%.o \
    build/$(1)/tests/node/town.o build/$(1)/tests/core/world.o build/$(1)/tests/lib/test.o \
    $$(BARE_LIBS_$(1))

$(TESTS_DEVICE:%=build/$(1)/%.elf): build/$(1)/tests/device/%.elf: build/$(1)/tests/device/%.o \
    $$(addprefix build/$(1)/tests/device/,fake_platform.o fake_slots.o machines.o) \
    build/$(1)/tests/lib/test.o $$(BARE_LIBS_$(1))
endef
$(foreach arch,$(ARCHES),$(eval $(call guest_tests,$(arch))))

# --- Archives for other processors: symbols.sh looks at them --------------------------------------
LIBS_ELSEWHERE := $(foreach target,$(ELSEWHERE) $(HALVES),build/$(target)/libivsh.a)
$(LIBS_ELSEWHERE): $$(patsubst %.c,$$(@D)/%.o,$(LIB))

# ... and order.py at these.
ORDERED := $(foreach target,$(ARCHES) armhf-linux armv7m-linux,build/$(target)/libivsh.a)

# --- What is run --------------------------------------------------------------------------------
CHECK_HOSTS := $(subst $(space),$(comma),tests/check/hosts.sh -std=c11 -O2 -Ilib/include $(ROOTS) \
              -D_GNU_SOURCE $(WARN))
CHECKS := tests/check/layers.sh tests/check/cycles.sh tests/check/heights.sh,build/host/libivsh.a \
          tests/check/headers.sh tests/check/names.sh tests/check/shared.sh tests/check/clauses.sh \
          tests/check/amalgamation.sh,build/amalgamation \
          $(subst $(space),$(comma),tests/check/symbols.sh \
              $(ARCHES:%=build/%/libivsh.a) build/uefi-x86_64/libivsh.a $(LIBS_ELSEWHERE) \
               $(ARCHES:%=build/%/libivsh-conformance.a)) \
          $(subst $(space),$(comma),tests/check/order.py $(ORDERED)) \
          tests/check/spec.sh,build/host/tests/core/example_test \
          tests/check/abi.sh,build/host/libivsh-client.so.1 \
          tests/check/man.sh,build/man3 tests/check/porting.sh tests/check/readme.sh,$(COMPILER) \
          tests/check/format.sh,$(CLANG_FORMAT) \
          tests/check/columns.sh tests/check/words.sh $(CHECK_HOSTS)
MODEL := tests/model/run.sh
FUZZ  := tests/fuzz/run.py
# The caller's flags make of the host's part something else than what was measured.
COUNTS    := tests/bench/counts.sh,$(COMPILER)$(strip \
             $(if $(strip $(CPPFLAGS) $(CFLAGS)),-with-flags)),$(strip \
             $(subst $(space),$(comma),$(COUNTED)))
FUZZ_30   := $(FUZZ),30,$(subst $(space),$(comma),$(FUZZ_LIB)) \
             $(FUZZ),30,$(subst $(space),$(comma),$(FUZZ_SERVER))
C_TESTS := $(foreach tests,$(TESTS_CORE) $(TESTS_NODE) $(TESTS_DEVICE) $(TESTS_UEFI) $(TESTS_PORT) \
               $(TESTS_BARE), \
               build/host/$(tests) build/host-san/$(tests)) \
           $(TESTS_HOOK:%=build/host-hook/%) $(TESTS_COUNT:%=build/host-hook/%) \
           $(TESTS_MOVE:%=build/host-hook/%) $(TESTS_FROZEN:%=build/host-hook/%) \
           $(TESTS_FOLLOW:%=build/host-hook/%) \
           $(TESTS_OBSERVE:%=build/host/%) $(TESTS_OBSERVE:%=build/host-san/%) \
           $(TESTS_LIST:%=build/host/%) $(TESTS_LIST:%=build/host-san/%) \
           $(TESTS_TOP:%=build/host/%) $(TESTS_TOP:%=build/host-san/%) \
           $(TESTS_FILTER:%=build/host/%)
# What looks at a clock, or is several processes that meet.
C_ALONE := $(TESTS_RACE:%=build/host/%) $(TESTS_ROAD:%=build/host/%) \
           $(TESTS_CONFORM:%=build/host/%) $(TESTS_CONFORM:%=build/host-san/%) \
           $(TESTS_RACE:%=build/host-san/%) $(TESTS_ROAD:%=build/host-san/%) \
           $(TESTS_KILL:%=build/host/%) $(TESTS_TSAN:%=build/host-tsan/%) \
           $(call programs,host-san host-tsan,$(TESTS_LIBRARY))
# One suite for each: an emulator, a folder, and how many programs there are in it.
emulated = tests/emulated.sh,qemu-$(1),build/$(2)-linux,$(strip \
               $(words $(filter build/$(2)-linux/%,$(EMULATED_TESTS))))
# Those of 64 bits have the tests of the host side, too, which read clocks.
EMULATED := $(call emulated,aarch64,aarch64) $(call emulated,riscv64,riscv64)
EMULATED_32 := $(call emulated,arm,armhf) $(call emulated,i386,i386) \
           $(call emulated,arm,armv7m) $(call emulated,i386,i386-nofp)
# The server of another processor: the tests that the emulator can run, and few of them.
EMULATED_HOST := $(foreach arch,aarch64 riscv64,$(subst $(space),$(comma),$(strip \
           tests/host/emulated.py $(arch) $(patsubst %,tests/host/test_%.py, \
               handshake refusal reload robust))))
# Again with a split region, in which a store into another's part ends the program: what attaches to
# the memory of tests/core/world.c, and neither formats one of its own nor tests formatting.
TESTS_SPLIT := $(filter-out %/layout_test %/region_test %/large_test %/split_test,$(TESTS_CORE)) \
               $(filter-out %/open_test,$(TESTS_NODE))
SPLIT_TESTS := $(patsubst %,env$(comma)IVSH_WORLD=split$(comma)%, \
               $(foreach test,$(TESTS_SPLIT),build/host/$(test) build/host-san/$(test)) \
               $(TESTS_HOOK:%=build/host-hook/%) $(TESTS_MOVE:%=build/host-hook/%) \
               $(filter-out %/mesh_test,$(TESTS_COUNT:%=build/host-hook/%)) \
               $(TESTS_FROZEN:%=build/host-hook/%) \
               $(foreach test,$(TESTS_OBSERVE) $(TESTS_LIST), \
                   build/host/$(test) build/host-san/$(test)))
# And with one in which slot 0 has no rings of the others, and only sends: what has one sender.
ONE_WAY_TESTS := $(patsubst %,env$(comma)IVSH_WORLD=one-way$(comma)build/host/tests/core/%_test, \
               restart channel batch packed window fastpath)
ONE_WAY_SOAK  := env$(comma)IVSH_WORLD=one-way$(comma)build/host-hook/tests/core/crash_test
SPLIT_ALONE := $(patsubst %,env$(comma)IVSH_WORLD=split$(comma)%, \
               $(TESTS_RACE:%=build/host/%) $(TESTS_RACE:%=build/host-san/%) \
               $(TESTS_KILL:%=MESH_SECONDS=5$(comma)build/host/%))
GUEST_TESTS := $(foreach arch,$(ARCHES),$(patsubst %,build/$(arch)/%.elf, \
                   $(TESTS_CORE) $(TESTS_NODE) $(TESTS_DEVICE))) build/x86_64/bare_test.elf

# Those that kill and those that measure run alone.
KILLING := $(patsubst %,tests/demos/test_%.py,bridge_kill kill stress takeover waits pair restart) \
           $(patsubst %,tests/host/test_bridge_%.py,messages flow kills records garbage bench) \
           $(patsubst %,tests/host/test_%.py,bursts kill supervisor)
DEMOS   := $(filter-out $(KILLING),$(sort $(wildcard tests/demos/test_*.py)))
# It measures, on all processors.
TUNING  := tests/host/test_tune.py
HOSTS   := $(filter-out $(KILLING) $(TUNING),$(sort $(wildcard tests/host/test_*.py)))
# What only boots a guest and reads what it says needs no quiet machine.
BOOTS   := $(patsubst %,tests/guest/test_%.py,bare bare_aarch64 bare_riscv64 addresses)
GUESTS  := $(filter-out $(BOOTS),$(sort $(wildcard tests/guest/test_*.py)))
pytest   = pytest:$(subst $(space),$(comma),$(strip $(1)))
# These only compute: no clock, no other process. They take what time the others leave.
IDLE    := $(MODEL) build/host-hook/tests/core/crash_test $(EMULATED_32) $(CHECK_HOSTS) \
           $(filter-out %/bare_test.elf,$(GUEST_TESTS)) $(filter-out %/crash_test,$(C_TESTS)) \
           $(SPLIT_TESTS) $(ONE_WAY_TESTS)
# The longest first: each file of the demos by itself.
LONGEST := $(patsubst %,tests/demos/test_%.py,uefi aavmf survive commands script)
SUITES  := $(call pytest,$(HOSTS)) \
           $(foreach file,$(LONGEST) $(filter-out $(LONGEST),$(DEMOS)) $(BOOTS), \
               pytest:$(file)) \
           $(FUZZ_30) tests/check/packager.sh tests/check/probes.sh \
           pytest:tests/install tests/packages/run.sh,build \
           $(addprefix pytest:,$(sort $(wildcard tests/port/test_*.py))) \
           pytest:tests/conformance \
           pytest:tests/bare/test_dtb.py $(EMULATED) $(EMULATED_HOST) $(COUNTS) \
           pytest:tests/bench $(BENCH_CHECK) \
           tests/bench/one_file.sh,$(COMPILER),$(subst $(space),$(comma),$(ONE_FILE)) \
           tests/check/symbols.sh,build/uefi-aarch64/libivsh.a tests/core/mutants.py \
           $(filter-out $(CHECK_HOSTS),$(CHECKS)) $(filter %/bare_test.elf,$(GUEST_TESTS))
ALONE   := $(C_ALONE) $(SPLIT_ALONE) $(call pytest,$(GUESTS)) \
           $(addprefix pytest:,$(sort $(wildcard \
               tests/moved/test_*.py))) $(call pytest,$(filter tests/host/%,$(KILLING)) $(TUNING)) \
           $(call pytest,$(filter tests/demos/%,$(KILLING)))
