# SPDX-License-Identifier: MIT
#
# fuzz.mk - the fuzzers: clang's libFuzzer brings main().

FUZZERS_LIB    := attach split receive send stream connect slots dump device pvh dtb args \
                  efi_args client bridge pair
FUZZERS_SERVER := config control clients state answer
FUZZ_LIB       := $(FUZZERS_LIB:%=build/host-fuzz/tests/fuzz/%_fuzz)
FUZZ_SERVER    := $(FUZZERS_SERVER:%=build/host-fuzz/tests/fuzz/%_fuzz)

# The server's fuzzers have its clock, and can kill it at each of its stores: tests/fuzz/serving.h.
build/host-fuzz/%: FUZZ_HOOKS :=
build/host-fuzz/host/server/% build/host-fuzz/host/wire/%: FUZZ_HOOKS := \
    -fsanitize-coverage=trace-stores -Dclock_gettime=serving_clock

$(patsubst %,build/host-fuzz/tests/fuzz/%_fuzz, \
    attach split receive send stream connect slots dump): \
    build/host-fuzz/tests/fuzz/room.o $(CORE:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/connect_fuzz: $(NODE:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/dump_fuzz: $(OBSERVE:%.c=build/host-fuzz/%.o) \
    $(patsubst %.c,build/host-fuzz/%.o,$(filter-out %/dump.c,$(DUMP)))
build/host-fuzz/tests/fuzz/device_fuzz: build/host-fuzz/tests/device/fake_platform.o \
    build/host-fuzz/tests/device/machines.o $(DEVICE:%.c=build/host-fuzz/%.o) \
    $(SET:%.c=build/host-fuzz/%.o) $(CORE:%.c=build/host-fuzz/%.o) \
    build/host-fuzz/tests/fuzz/quiet.o
build/host-fuzz/tests/fuzz/pvh_fuzz: build/host-fuzz/lib/bare/x86_64/pvh.o
build/host-fuzz/tests/fuzz/dtb_fuzz: build/host-fuzz/tests/bare/machine.o \
    build/host-fuzz/lib/device/config.o $(VIRT:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/args_fuzz: build/host-fuzz/lib/bare/words.o
build/host-fuzz/tests/fuzz/efi_args_fuzz: build/host-fuzz/firmware/uefi/args.o \
    build/host-fuzz/lib/bare/words.o
build/host-fuzz/tests/fuzz/client_fuzz: $(patsubst %.c,build/host-fuzz/%.o,$(CLIENT) $(CORE))
build/host-fuzz/tests/fuzz/client_fuzz: FUZZ_WRAP := poll
build/host-fuzz/tests/fuzz/bridge_fuzz: build/host-fuzz/tests/fuzz/quiet.o \
    $(patsubst %.c,build/host-fuzz/%.o,$(BRIDGE_TEXT) host/text/keys.c host/text/sizes.c)
build/host-fuzz/tests/fuzz/bridge_fuzz: FUZZ_WRAP := log_event log_detail log_failure log_hold \
    log_release

build/host-fuzz/tests/fuzz/pair_fuzz: build/host-fuzz/tests/fuzz/quiet.o \
    $(patsubst %.c,build/host-fuzz/%.o,$(addprefix host/bridge/,far.c near.c outgoing.c events.c \
        window.c frame.c say.c subject.c) $(CORE))
build/host-fuzz/tests/fuzz/pair_fuzz: FUZZ_WRAP := log_event log_detail log_failure log_hold \
    log_release getrandom

FUZZ_SERVING := $(addprefix build/host-fuzz/tests/fuzz/,clients_fuzz control_fuzz state_fuzz)
$(FUZZERS_SERVER:%=build/host-fuzz/tests/fuzz/%_fuzz): FUZZ_WRAP := log_event log_detail \
    log_failure log_hold log_release
$(FUZZ_SERVING): build/host-fuzz/tests/fuzz/serving.o build/host-fuzz/tests/fuzz/quiet.o \
    $(patsubst %.c,build/host-fuzz/%.o,$(BELOW_SERVING) $(SERVING) $(CORE))
$(FUZZ_SERVING): FUZZ_WRAP += close epoll_create1 epoll_ctl shutdown getrandom setitimer \
    sigaction sendmmsg link_send
build/host-fuzz/tests/fuzz/clients_fuzz: build/host-fuzz/tests/fuzz/visitor.o
build/host-fuzz/tests/fuzz/config_fuzz: build/host-fuzz/tests/fuzz/quiet.o \
    $(OPTIONS:%.c=build/host-fuzz/%.o) $(CORE:%.c=build/host-fuzz/%.o)
build/host-fuzz/tests/fuzz/answer_fuzz: $(patsubst %.c,build/host-fuzz/%.o,$(CONTROL) $(SHOWN)) \
    $(OPTIONS:%.c=build/host-fuzz/%.o) $(CORE:%.c=build/host-fuzz/%.o) \
    build/host-fuzz/tests/fuzz/quiet.o
build/host-fuzz/tests/fuzz/answer_fuzz: FUZZ_WRAP += lookup_command lookup_user

build/host-fuzz/tests/fuzz/%_fuzz: build/host-fuzz/tests/fuzz/%.o build/host-fuzz/tests/fuzz/feed.o
	@echo "LINK    $@"
	$(Q)$(CLANG) $(HOST_SAN_CFLAGS) -fsanitize=fuzzer $(FUZZ_WRAP:%=-Wl,--wrap=%) -pie \
	    $(filter %.o %.a,$^) -o $@

## Fuzz for TIME seconds in all; build/fuzz keeps what was found
fuzz: $(FUZZ_LIB) $(FUZZ_SERVER)
	$(Q)$(PYTHON) tests/fuzz/run.py $(or $(TIME),600) $^
