/* SPDX-License-Identifier: MIT */
/*
 * set_test.c - the devices of a split region: found in any order, told apart by their headers, left
 * out with a reason; devices that lie, leave and change; what is tried is put back. SPEC R17.1,
 * R17.4.
 *
 * Where the processor and the system can drop a store, as the host does with those into another's
 * part, the other parts cannot be written: Linux on x86_64. Elsewhere every part can be, as with a
 * command line that forgot readonly=on, and the tests in QEMU see stores that are dropped.
 */
#include "tests/device/fake_platform.h"
#include "tests/lib/test.h"

#include <ivsh/region.h>
#include <ivsh/set.h>
#include <ivsh/wire.h>

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KIB UINT64_C(1024)

#define SLOTS 3u
#define PART 65536u /* 16384 + 2 * 8192 + a page, as a BAR */
#define MEMORIES 7u /* two common memories, and five parts */
#define FORMAT_ID UINT64_C(0x1234567800000077)
#define OTHER_ID UINT64_C(0x9876543200000077)

static const struct ivsh_geometry geometry = {SLOTS, 16, 1024, 1024, 0};

static struct fake_bus bus;
static _Alignas(4096) uint8_t memory[MEMORIES][PART];
static struct ivsh_set_device devices[8];
static struct ivsh_mem_part parts[8];
static struct ivsh_set set;
static struct ivsh_mem mem;

/* --- Stores that are dropped ------------------------------------------------------------------ */

#if defined(__x86_64__) && __has_include(<sys/mman.h>) /* not over newlib */
#define CAN_DROP true
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100 /* of EFLAGS: a trap behind the next instruction */
#define PAGE UINT64_C(4096)

static uint8_t *dropped;          /* the page that a store is executed in */
static uint8_t was[4096];         /* what it had before */
static volatile unsigned refused; /* stores */

/* A store into memory that cannot be written: it is executed, and undone at once. */
static void on_store(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	(void)signal;
	dropped = (uint8_t *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
	memcpy(was, dropped, PAGE);
	mprotect(dropped, PAGE, PROT_READ | PROT_WRITE);
	at->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
	refused++;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	(void)signal;
	(void)info;
	memcpy(dropped, was, PAGE);
	mprotect(dropped, PAGE, PROT_READ);
	at->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void writable_set(uint32_t which, bool is_writable)
{
	static bool is_ready;
	struct sigaction action = {.sa_sigaction = on_store, .sa_flags = SA_SIGINFO};

	if (!is_ready) {
		sigaction(SIGSEGV, &action, NULL);
		action.sa_sigaction = on_trap;
		sigaction(SIGTRAP, &action, NULL);
		is_ready = true;
	}
	CHECK_EQ(
	    mprotect(memory[which], PART, is_writable ? PROT_READ | PROT_WRITE : PROT_READ), 0);
}
#else
#define CAN_DROP false
static unsigned refused;

static void writable_set(uint32_t which, bool is_writable)
{
	(void)which;
	(void)is_writable;
}
#endif

/* --- A machine -------------------------------------------------------------------------------- */

/* Memory 0: the common one, 1 to 3: the parts of slots 0 to 2; 4 to 6: another region's. */
static void memories_format(void)
{
	for (uint32_t i = 0; i < MEMORIES; i++)
		writable_set(i, true);
	memset(memory, 0, sizeof(memory));
	NEED_EQ(ivsh_split_format(memory[0], PART, &geometry, FORMAT_ID, true), 0);
	NEED_EQ(ivsh_split_format(memory[4], PART, &geometry, OTHER_ID, true), 0);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		NEED_EQ(
		    ivsh_part_format(memory[1 + slot], PART, &geometry, FORMAT_ID, slot, true), 0);
	for (uint32_t slot = 0; slot < 2; slot++)
		NEED_EQ(
		    ivsh_part_format(memory[5 + slot], PART, &geometry, OTHER_ID, slot, true), 0);
}

/* Add a device at (devfn) that has memory (which), with addresses. Answers its index. */
static int plug(uint32_t devfn, uint32_t which, uint32_t vectors)
{
	uint64_t size = which == 0 || which == 4 ? IVSH_WIRE_COMMON_SIZE : PART;
	int index = fake_ivshmem(&bus, FAKE_ROOT, devfn, size, vectors);

	fake_bar_set(&bus, index, 0, 0xfe000000 + (uint64_t)index * 4096);
	if (vectors != 0)
		fake_bar_set(&bus, index, 1, 0xfe800000 + (uint64_t)index * 4096);
	fake_bar_set(&bus, index, 2, (UINT64_C(1) << 36) + (uint64_t)index * 4 * PART);
	bus.memory_of[index] = memory[which];
	return index;
}

static void machine_empty(void)
{
	fake_init(&bus);
	memories_format();
	memset(&set, 0, sizeof(set));
	set.devices = devices;
	set.parts = parts;
	set.room = COUNT(devices);
	memset(devices, 0xa5, sizeof(devices));
	memset(parts, 0xa5, sizeof(parts));
}

/* Only the part of (self) can be written. */
static void host_protects(uint32_t self)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		writable_set(1 + slot, slot == self);
}

static int set_open_at(uint32_t function)
{
	int error = ivsh_device_open(&set.common, &bus.platform, function);

	if (error)
		return error;
	CHECK(ivsh_set_is_split(&set.common));
	error = ivsh_set_open(&set);
	if (!error)
		ivsh_set_mem(&set, &mem);
	return error;
}

static int attach(void)
{
	static struct ivsh_region region;
	struct ivsh_attach how = {.restart = ivsh_attach_restart, .nonce = 5};

	return ivsh_region_attach(&region, &mem, &how);
}

/* The element of the device at (function); set.count: there is none. */
static uint32_t element_at(uint32_t function)
{
	uint32_t i = 0;

	while (i < set.count && devices[i].device.function != function)
		i++;
	return i;
}

/* --- Sets as they should be ------------------------------------------------------------------- */

/*
 * The common memory and three parts, in each order on the bus, for each slot. What the devices were
 * before is back afterwards, and nothing was stored.
 */
static void any_order(void)
{
	static struct fake_function before[4];
	static uint8_t copy[4][PART];

	for (uint32_t order = 0; order < 24; order++) {
		uint32_t left[4] = {0, 1, 2, 3}, rest = order, self = order % SLOTS;
		uint32_t at[4];

		machine_empty();
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t pick = rest % (4 - i), which = left[pick];

			rest /= 4 - i;
			left[pick] = left[3 - i];
			at[which] = 0x08 + 0x08 * i;
			plug(at[which], which, which == 0 ? 2 : 0);
		}
		bus.registers[2] = self;
		host_protects(self);
		memcpy(before, bus.function, sizeof(before));
		memcpy(copy, memory, sizeof(copy));
		NEED_EQ(set_open_at(at[0]), 0);
		CHECK_EQ(memcmp(copy, memory, sizeof(copy)), 0);
		CHECK_EQ(set.count, SLOTS);
		CHECK_EQ(set.need, SLOTS);
		CHECK_EQ(set.self, self);
		CHECK(set.format_id == FORMAT_ID);
		CHECK_EQ(set.writable, CAN_DROP ? 1 : SLOTS);
		CHECK(mem.base == memory[0]);
		CHECK_EQ(mem.self, self);
		CHECK(mem.parts == parts);
		CHECK_EQ(mem.part_count, SLOTS);
		CHECK(mem.split != NULL);
		CHECK(mem.doorbell.notify != NULL);
		NEED_EQ(attach(), 0);
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			uint32_t i = element_at(at[1 + slot]);

			NEED_EQ(i < set.count, 1);
			CHECK(parts[i].base == memory[1 + slot]);
			CHECK_EQ(parts[i].size, PART);
			CHECK_EQ(parts[i].slot, IVSH_SELF_NONE);
			CHECK_EQ(parts[i].found, slot);
			CHECK_EQ(parts[i].is_writable, !CAN_DROP || slot == self);
			CHECK_EQ(devices[i].slot, slot);
			CHECK_EQ(ivsh_set_reason(&set, i), IVSH_SET_USED);
			CHECK(ivsh_set_has(&set, at[1 + slot]));
		}
		CHECK(ivsh_set_has(&set, at[0]));
		CHECK(!ivsh_set_has(&set, 0x80));
		/* One store into each of the others': it is found out at once. */
		CHECK_EQ(refused, CAN_DROP ? SLOTS - 1 : 0);
		refused = 0;
		ivsh_set_close(&set);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(bus.faults, 0);
		CHECK_EQ(memcmp(before, bus.function, sizeof(before)), 0);
		CHECK(!ivsh_set_has(&set, at[1]));
	}
}

/* At the addresses of their slots: whose a part is, is known. SPEC R17.4.3. */
static void by_address(void)
{
	machine_empty();
	plug(0x08, 0, 2);
	plug(IVSH_SET_ADDRESS(0, 0), 1, 0);
	plug(IVSH_SET_ADDRESS(0, 1), 2, 0);
	plug(0x20, 3, 0);
	CHECK_EQ(IVSH_SET_ADDRESS(0x308, 11), IVSH_PCI_FUNCTION(3, 17, 3));
	bus.function[1].config[3] |= 0x800000;
	bus.registers[2] = 1;
	host_protects(1);
	NEED_EQ(set_open_at(0x08), 0);
	CHECK_EQ(parts[element_at(IVSH_SET_ADDRESS(0, 0))].slot, 0);
	CHECK_EQ(parts[element_at(IVSH_SET_ADDRESS(0, 1))].slot, 1);
	CHECK_EQ(parts[element_at(0x20)].slot, IVSH_SELF_NONE);
	CHECK_EQ(attach(), 0);
	ivsh_set_close(&set);
	/* The own part elsewhere: nobody says that the addresses mean anything. */
	bus.registers[2] = 2;
	host_protects(2);
	NEED_EQ(set_open_at(0x08), 0);
	for (uint32_t i = 0; i < set.count; i++)
		CHECK_EQ(parts[i].slot, IVSH_SELF_NONE);
	CHECK_EQ(attach(), 0);
	ivsh_set_close(&set);
}

/* Its owner wrote another slot into the header: at the address of its slot that fools nobody. */
static void by_address_lies(void)
{
	struct ivsh_wire_part *liar = (struct ivsh_wire_part *)(void *)memory[1];

	machine_empty();
	liar->slot = 2;
	plug(0x08, 0, 2);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		plug(IVSH_SET_ADDRESS(0, slot), 1 + slot, 0);
	bus.function[1].config[3] |= 0x800000;
	bus.registers[2] = 1;
	host_protects(1);
	NEED_EQ(set_open_at(0x08), 0);
	CHECK_EQ(attach(), 0);
	CHECK_EQ(ivsh_set_reason(&set, 0), IVSH_SET_ADDRESS_OF_ANOTHER);
	CHECK_EQ(parts[1].found, 1);
	CHECK_EQ(parts[2].found, 2);
	ivsh_set_close(&set);
}

/* Without a server the slot is that of the part that can be written. */
static void without_server(void)
{
	machine_empty();
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		plug(0x10 + 0x08 * slot, 1 + slot, 0);
	plug(0x28, 0, 0);
	for (uint32_t self = 0; self < SLOTS; self++) {
		host_protects(self);
		NEED_EQ(set_open_at(0x28), 0);
		CHECK_EQ(set.writable, CAN_DROP ? 1 : SLOTS);
		CHECK_EQ(mem.self, CAN_DROP ? self : IVSH_SELF_NONE);
		CHECK(mem.doorbell.notify == NULL);
		if (CAN_DROP)
			CHECK_EQ(attach(), 0);
		ivsh_set_close(&set);
	}
	if (!CAN_DROP)
		return;
	host_protects(SLOTS);
	NEED_EQ(set_open_at(0x28), 0);
	CHECK_EQ(set.writable, 0);
	CHECK_EQ(mem.self, IVSH_SELF_NONE);
	ivsh_set_close(&set);
}

/* --- What is left out, and why ---------------------------------------------------------------- */

static struct ivsh_wire_part *third(void)
{
	return (struct ivsh_wire_part *)(void *)memory[3];
}

static void of_no_formatting(int index)
{
	(void)index;
	third()->format_id++;
}

static void of_another_geometry(int index)
{
	(void)index;
	third()->descs *= 2;
}

static void with_logs(int index)
{
	(void)index;
	third()->features |= IVSH_WIRE_FEATURE_LOGS;
}

static void of_no_slot(int index)
{
	(void)index;
	third()->slot = SLOTS;
}

static void of_slot_0(int index)
{
	(void)index;
	third()->slot = 0;
}

static void with_wrong_size(int index)
{
	(void)index;
	third()->size -= 4096;
}

static void in_a_small_bar(int index)
{
	fake_bar(&bus, index, 2, 4 * KIB, FAKE_BAR_64 | FAKE_BAR_PREFETCH);
	fake_bar_set(&bus, index, 2, UINT64_C(1) << 37);
}

static void without_address(int index)
{
	fake_bar_set(&bus, index, 2, 0);
}

static void of_revision_0(int index)
{
	bus.function[index].config[2] &= ~0xffu;
}

static void not_formatted(int index)
{
	(void)index;
	memset(memory[3], 0, PART);
}

static void of_another_program(int index)
{
	(void)index;
	memset(memory[3], 0x5a, PART);
}

static void with_a_region(int index)
{
	(void)index;
	memcpy(memory[3], memory[0], 4096);
	((struct ivsh_wire_header *)(void *)memory[3])->features = 0;
}

static const struct {
	const char *name;
	void (*change)(int index); /* the third part's device */
	enum ivsh_set_reason reason;
	int error;
	uint32_t out; /* parts that are not used; 0: the device is passed over */
} out_rows[] = {
    {"of another formatting", of_no_formatting, IVSH_SET_FORMAT, 0, 1},
    {"of another geometry", of_another_geometry, IVSH_SET_GEOMETRY, 0, 1},
    {"with other features", with_logs, IVSH_SET_GEOMETRY, 0, 1},
    {"of a slot that there is not", of_no_slot, IVSH_SET_SLOT, 0, 1},
    {"of a slot that has a part", of_slot_0, IVSH_SET_TWICE, 0, 2},
    {"with a wrong size", with_wrong_size, IVSH_SET_GEOMETRY, 0, 1},
    {"in a small BAR", in_a_small_bar, IVSH_SET_SIZE, 0, 1},
    {"without an address", without_address, IVSH_SET_CLOSED, IVSH_ENOSPC, 1},
    {"of revision 0", of_revision_0, IVSH_SET_CLOSED, IVSH_EVERSION, 1},
    {"not formatted", not_formatted, IVSH_SET_USED, 0, 0},
    {"of another program", of_another_program, IVSH_SET_USED, 0, 0},
    {"with a region", with_a_region, IVSH_SET_USED, 0, 0},
};

/* A part of slot 2 that is not one: slot 1 attaches all the same. SPEC R17.4.5. */
static void left_out(void)
{
	for (unsigned row = 0; row < COUNT(out_rows); row++) {
		uint32_t out = 0;

		test_row(out_rows[row].name);
		machine_empty();
		plug(0x10, 1, 0);
		plug(0x18, 2, 0);
		plug(0x20, 0, 1);
		out_rows[row].change(plug(0x08, 3, 0));
		bus.registers[2] = 1;
		host_protects(1);
		NEED_EQ(set_open_at(0x20), 0);
		CHECK_EQ(attach(), 0);
		for (uint32_t i = 0; i < set.count; i++)
			out += ivsh_set_reason(&set, i) != IVSH_SET_USED;
		CHECK_EQ(out, out_rows[row].out);
		CHECK_EQ(set.count, out_rows[row].out ? 3 : 2);
		if (out_rows[row].out) {
			uint32_t i = element_at(0x08);

			NEED_EQ(i < set.count, 1);
			CHECK_EQ(ivsh_set_reason(&set, i), out_rows[row].reason);
			CHECK_EQ(devices[i].error, out_rows[row].error);
			CHECK_EQ(
			    parts[i].base == NULL, out_rows[row].reason == IVSH_SET_CLOSED ||
						       out_rows[row].reason == IVSH_SET_FORMAT);
		}
		ivsh_set_close(&set);
		CHECK_EQ(bus.maps, 0);
		CHECK_EQ(bus.faults, 0);
	}
	for (int reason = IVSH_SET_USED; reason <= IVSH_SET_CHANGED; reason++)
		CHECK(strcmp(ivsh_set_reason_text((enum ivsh_set_reason)reason), "unknown") != 0);
}

/* SPEC R17.4.6 */
static void own_part(void)
{
	machine_empty();
	plug(0x08, 0, 1);
	plug(0x10, 1, 0);
	bus.registers[2] = 1;
	host_protects(0);
	NEED_EQ(set_open_at(0x08), 0);
	CHECK_EQ(attach(), IVSH_EPART);
	ivsh_set_close(&set);
	plug(0x18, 2, 0);
	NEED_EQ(set_open_at(0x08), 0);
	CHECK_EQ(attach(), CAN_DROP ? IVSH_EREADONLY : 0);
	ivsh_set_close(&set);
}

static void no_room(void)
{
	machine_empty();
	plug(0x08, 0, 1);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		plug(0x10 + 0x08 * slot, 1 + slot, 0);
	set.room = 2;
	CHECK_EQ(set_open_at(0x08), IVSH_ENOSPC);
	CHECK_EQ(set.need, SLOTS);
	CHECK_EQ(set.count, 0);
	CHECK_EQ(bus.maps, 2); /* the common memory's device */
	ivsh_device_close(&set.common);
	CHECK_EQ(bus.maps, 0);
	/* A version, or a feature, that the library does not know. The attach says so. */
	for (uint32_t i = 0; i < 2; i++) {
		struct ivsh_wire_header *header = (struct ivsh_wire_header *)(void *)memory[0];
		struct ivsh_wire_header before = *header;

		if (i == 0)
			header->version = 3;
		else
			header->features |= 4;
		NEED_EQ(ivsh_device_open(&set.common, &bus.platform, 0x08), 0);
		CHECK(!ivsh_set_is_split(&set.common));
		CHECK_EQ(ivsh_set_open(&set), IVSH_EINVAL);
		CHECK_EQ(ivsh_set_open_any(&set, &bus.platform, 0, &mem), IVSH_ENODEV);
		ivsh_set_close(&set);
		*header = before;
	}
	/* No split region, or no device. */
	CHECK_EQ(ivsh_set_open(&set), IVSH_EINVAL);
	NEED_EQ(ivsh_device_open(&set.common, &bus.platform, 0x10), 0);
	CHECK(!ivsh_set_is_split(&set.common));
	CHECK(ivsh_set_is_part(&set.common));
	CHECK_EQ(ivsh_set_open(&set), IVSH_EINVAL);
	ivsh_set_close(&set);
}

/* --- Several regions in one machine ----------------------------------------------------------- */

/* Two sets and a region of one memory: each finds its own, and leaves the others as they are. */
static void beside(void)
{
	static struct ivsh_set other;
	static struct ivsh_set_device other_devices[4];
	static struct ivsh_mem_part other_parts[4];
	struct ivsh_mem other_mem;
	uint32_t *vectors;
	int second;

	machine_empty();
	plug(0x08, 5, 0);
	plug(0x10, 2, 0);
	plug(0x18, 0, 2);
	second = plug(0x20, 4, 2);
	plug(0x28, 6, 0);
	plug(0x30, 1, 0);
	plug(0x38, 3, 0);
	bus.registers[2] = 1;
	host_protects(1);
	other.devices = other_devices;
	other.parts = other_parts;
	other.room = COUNT(other_devices);
	NEED_EQ(ivsh_set_open_any(&other, &bus.platform, 1, &other_mem), 0);
	CHECK_EQ(other.common.function, 0x20);
	CHECK_EQ(other.count, 2);
	CHECK_EQ(other_mem.doorbell.vectors, 2);
	vectors = &bus.function[second].config[0x40 / 4];
	CHECK_EQ(*vectors >> 30, 2);
	NEED_EQ(ivsh_device_open(&set.common, &bus.platform, 0x18), 0);
	NEED_EQ(ivsh_set_open(&set), 0);
	ivsh_set_mem(&set, &mem);
	CHECK_EQ(set.count, SLOTS);
	NEED_EQ(attach(), 0);
	for (uint32_t i = 0; i < set.count; i++)
		CHECK_EQ(ivsh_set_reason(&set, i), IVSH_SET_USED);
	ivsh_set_close(&set);
	/* It still has its interrupts, and decodes. */
	CHECK_EQ(*vectors >> 30, 2);
	CHECK_EQ(bus.function[second].config[1] & 6, 6);
	CHECK(other_parts[0].base == memory[5] && other_parts[1].base == memory[6]);
	ivsh_set_close(&other);
	CHECK_EQ(bus.maps, 0);
	CHECK_EQ(bus.faults, 0);
	CHECK_EQ(ivsh_set_open_any(&set, &bus.platform, 2, &mem), IVSH_ENODEV);
	NEED_EQ(ivsh_set_open_any(&set, &bus.platform, 0, &mem), 0);
	CHECK_EQ(set.common.function, 0x18);
	CHECK_EQ(set.common.interrupts, 2);
	ivsh_set_close(&set);
}

/* --- What changes later ----------------------------------------------------------------------- */

static void rechecks(void)
{
	uint32_t self = 77;
	int part, common;

	machine_empty();
	common = plug(0x08, 0, 1);
	plug(0x10, 1, 0);
	part = plug(0x18, 2, 0);
	plug(0x20, 3, 0);
	bus.registers[2] = 1;
	host_protects(1);
	NEED_EQ(set_open_at(0x08), 0);
	CHECK_EQ(attach(), 0);
	/* As on another machine: nothing decodes yet, and this peer has another slot. */
	for (int i = common; i < 4; i++)
		bus.function[i].config[1] &= ~6u;
	bus.registers[2] = 2;
	host_protects(2);
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
	CHECK_EQ(self, 2);
	for (int i = common; i < 4; i++)
		CHECK_EQ(bus.function[i].config[1] & 6, 6);
	CHECK_EQ(parts[element_at(0x20)].is_writable, true);
	CHECK_EQ(parts[element_at(0x18)].is_writable, !CAN_DROP);
	mem.self = self;
	CHECK_EQ(attach(), 0);
	/* The memories have become another region's: nothing is stored into them. */
	((struct ivsh_wire_header *)(void *)memory[0])->format_id = OTHER_ID;
	refused = 0;
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
	CHECK_EQ(refused, 0);
	CHECK_EQ(set.writable, 0);
	CHECK_EQ(attach(), IVSH_EPART);
	CHECK_EQ(ivsh_set_reason(&set, 0), IVSH_SET_FORMAT);
	((struct ivsh_wire_header *)(void *)memory[0])->format_id = FORMAT_ID;
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), 0);
	CHECK_EQ(attach(), 0);
	/* One device of the set has gone, or another one is in its place. */
	fake_bar_set(&bus, part, 2, UINT64_C(1) << 38);
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	fake_function_remove(&bus, part);
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	fake_function_remove(&bus, common);
	CHECK_EQ(mem.doorbell.recheck(mem.doorbell.ctx, &self), IVSH_ENODEV);
	ivsh_set_close(&set);
	CHECK_EQ(bus.maps, 0);
	CHECK_EQ(bus.faults, 0);
}

/* A part that formats itself anew, or writes another slot, once the tables have it. */
static void changes(void)
{
	machine_empty();
	plug(0x08, 0, 1);
	plug(0x10, 1, 0);
	plug(0x18, 3, 0);
	bus.registers[2] = 0;
	host_protects(0);
	NEED_EQ(set_open_at(0x08), 0);
	writable_set(3, true);
	third()->magic = 0;
	CHECK_EQ(attach(), 0);
	CHECK_EQ(ivsh_set_reason(&set, 1), IVSH_SET_CHANGED);
	third()->magic = IVSH_WIRE_PART_MAGIC;
	third()->slot = 1;
	CHECK_EQ(attach(), 0);
	CHECK_EQ(ivsh_set_reason(&set, 1), IVSH_SET_USED);
	ivsh_set_close(&set);
}

/* The same for a system that maps the devices itself. */
static uint64_t clock_ns(void *ctx)
{
	(void)ctx;
	return 1234;
}

static void mapped(void)
{
	struct ivsh_mem common = {
	    .base = memory[0],
	    .size = IVSH_WIRE_COMMON_SIZE,
	    .self = 1,
	    .doorbell = {.now_ns = clock_ns},
	};

	machine_empty();
	third()->format_id++;
	host_protects(1);
	mem = common;
	mem.base = memory[1];
	CHECK_EQ(ivsh_set_begin(&set, &mem, 0x08), IVSH_EINVAL);
	mem = common;
	NEED_EQ(ivsh_set_begin(&set, &mem, 0x08), 0);
	CHECK(!ivsh_set_offer(&set, 0x20, memory[3], PART));
	CHECK(!ivsh_set_offer(&set, 0x28, memory[0], IVSH_WIRE_COMMON_SIZE));
	CHECK(ivsh_set_offer(&set, IVSH_SET_ADDRESS(0, 1), memory[2], PART));
	CHECK(ivsh_set_offer(&set, IVSH_SET_ADDRESS(0, 0), memory[1], PART));
	NEED_EQ(ivsh_set_end(&set, &mem), 0);
	CHECK_EQ(mem.part_count, 3);
	CHECK_EQ(mem.self, 1);
	CHECK_EQ(attach(), 0);
	CHECK_EQ(ivsh_set_reason(&set, 0), IVSH_SET_FORMAT);
	CHECK_EQ(parts[1].slot, 1);
	CHECK_EQ(parts[2].slot, 0);
	CHECK_EQ(parts[1].is_writable, true);
	CHECK_EQ(parts[2].is_writable, !CAN_DROP);
	host_protects(0);
	ivsh_set_again(&set, 0, 99);
	CHECK_EQ(set.self, 0);
	CHECK_EQ(parts[1].is_writable, !CAN_DROP);
	CHECK_EQ(parts[2].is_writable, true);
	/* An observer's mappings take no store. */
	refused = 0;
	set.reads_only = true;
	NEED_EQ(ivsh_set_begin(&set, &common, 0), 0);
	CHECK(ivsh_set_offer(&set, 0, memory[2], PART));
	NEED_EQ(ivsh_set_end(&set, &mem), 0);
	CHECK_EQ(refused, 0);
	CHECK_EQ(set.writable, 0);
	CHECK_EQ(parts[0].slot, IVSH_SELF_NONE);
	set.room = 1;
	NEED_EQ(ivsh_set_begin(&set, &common, 0), 0);
	CHECK(ivsh_set_offer(&set, 0, memory[2], PART));
	CHECK(!ivsh_set_offer(&set, 0, memory[1], PART));
	CHECK_EQ(ivsh_set_end(&set, &mem), IVSH_ENOSPC);
	CHECK_EQ(set.need, 2);
}

int main(void)
{
	static const struct test tests[] = {
	    {"any order", any_order},
	    {"by address", by_address},
	    {"by address: a header that lies", by_address_lies},
	    {"without a server", without_server},
	    {"left out", left_out},
	    {"the own part", own_part},
	    {"no room", no_room},
	    {"beside others", beside},
	    {"check again", rechecks},
	    {"changes", changes},
	    {"mapped by a system", mapped},
	};

	return test_main("device/set", tests, COUNT(tests));
}
