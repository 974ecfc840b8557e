# SPDX-License-Identifier: MIT
#
# bench.mk - measuring: instructions, and messages between processes, guests and clients.

# --- Measuring: a contender whose headers are not here is left out -------------------------------
# Each copies by the same memcpy(), as ours does, but for sizes that are a few moves: what gcc would
# put in its place for constants of up to 8 KiB (rep movsq) would make the others look slow.
BENCH_COPY := -mmemcpy-strategy=unrolled_loop:128:noalign,libcall:-1:noalign
NATIVE := tests/bench/native
RIVALS := $(if $(wildcard /usr/include/ck_ring.h),$(NATIVE)/ck) \
          $(if $(wildcard /usr/include/boost/lockfree/spsc_queue.hpp),$(NATIVE)/boost) \
          $(if $(wildcard /usr/include/dpdk/rte_ring.h),$(NATIVE)/dpdk)
BENCH  := $(addprefix $(NATIVE)/,main place slice ivsh sockets textbook limits) $(RIVALS)
# Others' headers are dependencies, too: a package may come, go, and change.
BENCH_CFLAGS   := $(filter-out -MMD,$(HOST_CFLAGS)) -MD $(BENCH_COPY) -isystem /usr/include/dpdk \
                  -isystem /usr/include/x86_64-linux-gnu/dpdk
BENCH_CXXFLAGS := -iquote . -iquote lib -I lib/include -std=c++17 -O2 -g -MD -MP -Wall -Wextra \
                  -Werror -D_GNU_SOURCE -fPIE $(BENCH_COPY)

build/host/$(NATIVE)/%.o: $(NATIVE)/%.c build/flags
	@echo "CC      $@"; mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) $(if $(filter %/dpdk.c,$<),-march=corei7) -c $< -o $@

build/host/$(NATIVE)/%.o: $(NATIVE)/%.cc build/flags
	@echo "CXX     $@"; mkdir -p $(@D)
	$(Q)g++ $(BENCH_CXXFLAGS) -c $< -o $@

# Written anew when a contender's package has come or gone: what is linked then is another program.
build/host/$(NATIVE)/rivals: FORCE
	$(Q)mkdir -p $(@D) && now=$@.$$$$ && echo '$(RIVALS)' >$$now && \
	    if cmp -s $$now $@; then rm $$now; else mv $$now $@; fi

build/host/$(NATIVE)/native: $(BENCH:%=build/host/%.o) build/host/libivsh.a \
    build/host/$(NATIVE)/rivals
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $(filter-out %/rivals,$^) -o $@ \
	    $(if $(filter %/boost,$(RIVALS)),-lstdc++) \
	    $(if $(filter %/dpdk,$(RIVALS)),-lrte_ring -lrte_eal)

# In make test: that all of it compiles, and moves messages. It is written for x86_64.
BENCH_CHECK := $(if $(NATIVE_x86_64),build/host/$(NATIVE)/native$(comma)--check)

build/x86_64/pair.elf: build/x86_64/tests/bench/guest/pair.o $(BARE_LIBS)
build/x86_64/trips.elf: build/x86_64/tests/bench/guest/trips.o $(BARE_LIBS)

build/host/tests/bench/bridge/bridge: build/host/tests/bench/bridge/bridge.o \
    build/host/libivsh-client.a build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@ -lnats

# The least programs: by polling; with the device and its interrupts; with a stream; the front door.
WEIGHED := poller sleeper streamer fronter
WEIGHED_ALL = $(foreach arch,$(ARCHES),$(WEIGHED:%=build/$(arch)/%))
# What tests/bench/counts.sh counts and weighs: on the host, and of each architecture its guest, the
# least polling program, that one's own object, and the library.
COUNTED := build/host/tests/bench/count/count $(strip $(foreach arch,$(ARCHES), \
           $(addprefix build/$(arch)/,count.elf poller tests/bench/count/poller.o libivsh.a)))
build/host/tests/bench/count/count: build/host/tests/bench/count/count.o build/host/libivsh.a
	@echo "LINK    $@"
	$(Q)$(CC) $(HOST_CFLAGS) $(CFLAGS) $(LDFLAGS) -pie $^ -o $@
define counted
build/$(1)/count.elf: build/$(1)/tests/bench/count/count.o $$(BARE_LIBS_$(1))
build/$(1)/poller: BEGIN := poll_forever
build/$(1)/sleeper: BEGIN := sleep_forever
build/$(1)/streamer: BEGIN := stream_forever
build/$(1)/fronter: BEGIN := serve_forever
$(WEIGHED:%=build/$(1)/%): build/$(1)/%: build/$(1)/tests/bench/count/%.o build/$(1)/libivsh.a
	@echo "LD      $$@"
	$$(Q)$$(LD_$(1)) -nostdlib -static --gc-sections -e $$(BEGIN) --defsym=memcpy=0 \
	    --defsym=memset=0 --defsym=memmove=0 --defsym=memcmp=0 -o $$@ $$^

# The same guest on the library in one file, as its user compiles it.
build/$(1)/one_file.o: build/amalgamation/ivsh.c build/flags | tools-$(1)
	@echo "CC      $$@"; mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(BARE) $$(MACHINE_$(1)) $$(INTEGER_$(1)) $$(ANYWHERE) \
	    -ffunction-sections -fdata-sections -c $$< -o $$@
build/$(1)/one_file.elf: build/$(1)/tests/bench/count/count.o build/$(1)/one_file.o \
    build/$(1)/libivsh-bare.a $(call libc,$(1))
endef
$(foreach arch,$(ARCHES),$(eval $(call counted,$(arch))))

ONE_FILE := $(ARCHES:%=build/%/one_file.elf)

## Count instructions and bytes, and compare them with tests/bench/counts.txt
counts: $(COUNTED) $(WEIGHED_ALL)
	$(Q)$(PYTHON) tests/run.py -v $(COUNTS)

## Measure messages between two processes, against other rings and sockets: build/bench.json, .svg
bench: build/host/$(NATIVE)/native
	$(Q)PYTHONPATH=tests/bench $(PYTHON) -B $(NATIVE)/report.py build/host/$(NATIVE)/native \
	    build/bench $(BENCH_ARGS)

## Measure joins by clients, beside OTHER=PATH of QEMU's server: build/bench-server.json, .svg
bench-server: build/host/ivsh-server build/host/tests/host/load
	$(Q)$(if $(OTHER),IVSH_OTHER_SERVER=$(OTHER)) PYTHONPATH=tests/bench:tests/host \
	    $(PYTHON) -B tests/bench/server/report.py build/bench-server

## Measure messages over two bridges, beside those of NATS between the same two programs
bench-bridge: build/host/tests/bench/bridge/bridge build/host/ivsh-bridge build/host/ivsh-server \
    build/host/libivsh-client.so.1
	$(Q)$(PYTHON) -B tests/bench/bridge.py

## The same between two guests behind the bridges, and between two in one region
bench-bridge-guests: build/host/tests/bench/bridge/bridge build/host/ivsh-bridge \
    build/host/ivsh-server build/x86_64/trips.elf
	$(Q)$(PYTHON) -B tests/bench/guests_bridge.py

## Measure messages between two guests, beside a bare flag: build/bench-guest.json
bench-guest: build/x86_64/pair.elf build/x86_64/ivsh.elf build/uefi-x86_64/ivsh.efi \
    build/host/ivsh-server
	$(Q)PYTHONPATH=tests/bench $(PYTHON) -B tests/bench/guest/report.py build/bench-guest.json \
	    $(BENCH_ARGS)
