/* SPDX-License-Identifier: MIT */
/*
 * set.c - the devices of a split region: found by their headers, opened, and known by address.
 *
 * Theory of operation: the first page of each ivshmem function's memory is looked at. What begins
 * as a part, and names the common memory's format_id, is opened and handed to the region, which
 * checks the rest (core/split.c): a part's header is a claim of whoever can write it. So an element
 * of the tables is a device that its user may miss, also one that cannot be opened.
 *
 * Another set, or a region of one memory, may be open beside this one: nothing of its devices is
 * changed. A look maps one page, and reads.
 */
#include <ivsh/set.h>

#include "core/linkage.h"
#include "device/config.h"

#include <ivsh/wire.h>

#include <stddef.h>

/* The step of an attach that the transport names. region.h describes it. */
HIDDEN int ivsh_attach_split(struct ivsh_region *region, struct ivsh_attach *attach);

#define SET_BAR2 2u
#define SET_BAR_64 0x6u /* PCI table 6-4: the type, of a BAR with two words, is 4 */

/* What a look at a memory shows: words that both headers have at one place, each read once. */
struct set_look {
	uint64_t magic;
	uint64_t format_id;
	uint32_t version;
	uint32_t features;
	uint32_t slot; /* of a part */
};

COLD static uint32_t set_word(const void *memory, size_t offset)
{
	return __atomic_load_n(
	    (const uint32_t *)(const void *)((const uint8_t *)memory + offset), __ATOMIC_ACQUIRE);
}

COLD static uint64_t set_words(const void *memory, size_t offset)
{
	return set_word(memory, offset) | (uint64_t)set_word(memory, offset + 4) << 32;
}

/* The magic is stored last: it is loaded first, in two halves as on machines of 4 bytes. */
COLD static struct set_look set_read(const void *memory)
{
	struct set_look look = {
	    .magic = set_words(memory, __builtin_offsetof(struct ivsh_wire_part, magic)),
	};

	look.format_id = set_words(memory, __builtin_offsetof(struct ivsh_wire_part, format_id));
	look.version = set_word(memory, __builtin_offsetof(struct ivsh_wire_part, version));
	look.version = set_word(memory, __builtin_offsetof(struct ivsh_wire_part, version));
	look.features = set_word(memory, __builtin_offsetof(struct ivsh_wire_part, features));
	look.slot = set_word(memory, __builtin_offsetof(struct ivsh_wire_part, slot));
	return look;
}

/* One that the attach knows: it refuses another version, and says which. */
COLD static bool set_look_is_common(const struct set_look *look)
{
	return look->magic == IVSH_WIRE_MAGIC && look->version == IVSH_WIRE_VERSION &&
	       (look->features & ~IVSH_WIRE_FEATURE_LOGS) == IVSH_WIRE_FEATURE_SPLIT;
}

COLD bool ivsh_set_is_split(const struct ivsh_device *common)
{
	struct set_look look;

	if (!common->memory || common->bar[2].size < IVSH_WIRE_COMMON_SIZE)
		return false;
	look = set_read(common->memory);
	return set_look_is_common(&look);
}

COLD bool ivsh_set_is_part(const struct ivsh_device *device)
{
	return device->memory && set_read(device->memory).magic == IVSH_WIRE_PART_MAGIC;
}

/*
 * Look at the memory of the function, which may be open: it decodes meanwhile, and is as before.
 * IVSH_ENOSPC: it has no address. IVSH_EPLATFORM: it cannot be mapped.
 */
COLD static int set_look_at(
    const struct ivsh_platform *platform, uint32_t function, struct set_look *look)
{
	uint32_t low = config_read(platform, function, CONFIG_BAR + 4 * SET_BAR2);
	bool is_64 = (low & SET_BAR_64) == 4;
	uint64_t address = ivsh_config_bar(platform, function, SET_BAR2, is_64);
	uint32_t before;
	void *memory;

	if (address == 0)
		return IVSH_ENOSPC;
	before = ivsh_config_command(platform, function, 0, COMMAND_MEMORY);
	memory = platform->map(platform->ctx, address, IVSH_BAR2_MIN, IVSH_MAP_MEMORY);
	if (memory && (uintptr_t)memory % IVSH_BAR2_MIN == 0)
		*look = set_read(memory);
	if (memory && platform->unmap)
		platform->unmap(platform->ctx, memory, IVSH_BAR2_MIN);
	(void)ivsh_config_command(platform, function, ~before & COMMAND_MEMORY, 0);
	return memory && (uintptr_t)memory % IVSH_BAR2_MIN == 0 ? 0 : IVSH_EPLATFORM;
}

/* Whether this machine has another common memory of that formatting: its part is no stray. */
COLD static bool set_has_common(const struct ivsh_set *set, uint64_t format_id)
{
	const struct ivsh_platform *platform = set->common.platform;
	struct set_look look;
	uint32_t function;

	for (uint32_t i = 0; ivsh_device_find(platform, i, &function) == 0; i++)
		if (function != set->common.function &&
		    set_look_at(platform, function, &look) == 0 && set_look_is_common(&look) &&
		    look.format_id == format_id)
			return true;
	return false;
}

/* --- Whether a part can be written ------------------------------------------------------------ */

/* Whether a store of (token) arrives. What was there is back afterwards. */
COLD static bool set_stores(volatile uint32_t *word, uint32_t token)
{
	uint32_t before = *word;
	bool arrives;

	if (token == before)
		token = ~token;
	*word = token;
	arrives = *word == token;
	if (arrives)
		*word = before;
	return arrives;
}

/*
 * The host drops stores into another's part, and says nothing. The owner may be finding out the
 * same about his own at this moment: two stores, of numbers that he does not store just then.
 */
COLD static bool set_writes(struct ivsh_set *set, void *memory)
{
	volatile uint32_t *word =
	    (uint32_t *)(void *)((uint8_t *)memory +
				 __builtin_offsetof(struct ivsh_wire_part, reserved));

	/* A congruential generator, as in Knuth's MMIX: its upper bits are the good ones. */
	set->token = set->token * UINT64_C(6364136223846793005) + 1442695040888963407;
	return !set->reads_only && set_stores(word, (uint32_t)(set->token >> 32)) &&
	       set_stores(word, (uint32_t)(set->token >> 16));
}

/* Which parts can be written, and whose they are as far as their addresses say. */
COLD static void set_know(struct ivsh_set *set)
{
	uint32_t claimed = IVSH_SELF_NONE, common = set->common.function;
	bool is_placed = false;

	set->format_id =
	    set_words(set->common.memory, __builtin_offsetof(struct ivsh_wire_part, format_id));
	set->writable = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		struct ivsh_mem_part *part = &set->parts[i];
		struct set_look look;

		part->is_writable = false;
		part->slot = IVSH_SELF_NONE;
		if (!part->base)
			continue;
		look = set_read(part->base);
		if (look.magic != IVSH_WIRE_PART_MAGIC || look.format_id != set->format_id)
			continue;
		part->is_writable = set_writes(set, part->base);
		if (!part->is_writable)
			continue;
		set->writable++;
		claimed = look.slot;
	}
	if (set->common.doorbell)
		set->self = set->common.ivposition;
	else if (set->self == IVSH_SELF_NONE && set->writable == 1)
		set->self = claimed;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->parts[i].is_writable && set->self < IVSH_SET_ADDRESSES &&
		    set->devices[i].device.function == IVSH_SET_ADDRESS(common, set->self))
			is_placed = true;
	for (uint32_t slot = 0; is_placed && slot < IVSH_SET_ADDRESSES; slot++)
		for (uint32_t i = 0; i < set->count; i++)
			if (set->parts[i].base &&
			    set->devices[i].device.function == IVSH_SET_ADDRESS(common, slot))
				set->parts[i].slot = slot;
}

/* --- Open and close --------------------------------------------------------------------------- */

COLD static void set_close_parts(struct ivsh_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		ivsh_device_close(&set->devices[i].device);
	set->count = 0;
}

/* Another element of both tables. NULL: there is no room. */
COLD static struct ivsh_set_device *set_add(struct ivsh_set *set, uint32_t function)
{
	struct ivsh_set_device *entry;

	set->need++;
	if (set->count == set->room)
		return NULL;
	set->parts[set->count] = (struct ivsh_mem_part){
	    .slot = IVSH_SELF_NONE,
	    .found = IVSH_SELF_NONE,
	};
	entry = &set->devices[set->count++];
	*entry = (struct ivsh_set_device){.slot = IVSH_SELF_NONE};
	entry->device.function = function;
	return entry;
}

/* The function may be a part: enter it in the tables, and open it if it is one of this region. */
COLD static void set_try(struct ivsh_set *set, uint32_t function)
{
	struct set_look look = {0, 0, 0, 0, 0};
	int error = set_look_at(set->common.platform, function, &look);
	struct ivsh_set_device *entry;
	struct ivsh_mem_part *part;

	if (!error && look.magic != IVSH_WIRE_PART_MAGIC)
		return;
	if (!error && look.format_id != set->format_id && set_has_common(set, look.format_id))
		return;
	entry = set_add(set, function);
	if (!entry)
		return;
	part = &set->parts[set->count - 1];
	if (!error) {
		entry->slot = look.slot;
		entry->format_id = look.format_id;
		if (look.format_id != set->format_id)
			return;
		error = ivsh_device_open(&entry->device, set->common.platform, function);
	}
	entry->error = error;
	if (error)
		return;
	part->base = entry->device.memory;
	part->size = entry->device.bar[2].size;
}

/* Empty tables, for the common memory. IVSH_EINVAL: it is none. */
COLD static int set_begin(struct ivsh_set *set, uint64_t seed, uint64_t now_ns)
{
	set->count = set->need = set->writable = 0;
	set->self = IVSH_SELF_NONE;
	set->token = seed ^ now_ns;
	if (!ivsh_set_is_split(&set->common))
		return IVSH_EINVAL;
	set->format_id =
	    set_words(set->common.memory, __builtin_offsetof(struct ivsh_wire_part, format_id));
	return 0;
}

COLD int ivsh_set_open(struct ivsh_set *set)
{
	const struct ivsh_platform *platform = set->common.platform;
	uint32_t function;

	if (!platform)
		return IVSH_EINVAL;
	set->reads_only = false;
	if (set_begin(set, platform->seed, platform->now_ns(platform->ctx)))
		return IVSH_EINVAL;
	for (uint32_t i = 0; ivsh_device_find(platform, i, &function) == 0; i++)
		if (function != set->common.function)
			set_try(set, function);
	if (set->need > set->room) {
		set_close_parts(set);
		return IVSH_ENOSPC;
	}
	set_know(set);
	return 0;
}

COLD void ivsh_set_close(struct ivsh_set *set)
{
	set_close_parts(set);
	ivsh_device_close(&set->common);
}

COLD bool ivsh_set_has(const struct ivsh_set *set, uint32_t function)
{
	if (set->common.memory && set->common.function == function)
		return true;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->parts[i].base && set->devices[i].device.function == function)
			return true;
	return false;
}

/* --- The transport ---------------------------------------------------------------------------- */

/* Whether the device of a part is as it was. It decodes again, as after a migration. */
COLD static bool set_part_is_there(struct ivsh_device *device)
{
	struct ivsh_mem mem;
	uint32_t self;

	ivsh_device_mem(device, &mem);
	return mem.doorbell.recheck(mem.doorbell.ctx, &self) == 0;
}

/* The common memory's device is the first member of the set: ctx of all other calls, too. */
COLD static int set_recheck(void *ctx, uint32_t *self)
{
	struct ivsh_set *set = ctx;
	int error = set->recheck(&set->common, self);

	if (error)
		return error;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->parts[i].base && !set_part_is_there(&set->devices[i].device))
			return IVSH_ENODEV;
	set->token ^= set->common.platform->now_ns(set->common.platform->ctx);
	set_know(set);
	return 0;
}

COLD static void set_fill(struct ivsh_set *set, struct ivsh_mem *mem)
{
	mem->self = set->self;
	mem->parts = set->parts;
	mem->part_count = set->count;
	mem->split = ivsh_attach_split;
}

COLD void ivsh_set_mem(struct ivsh_set *set, struct ivsh_mem *mem)
{
	ivsh_device_mem(&set->common, mem);
	set->recheck = mem->doorbell.recheck;
	mem->doorbell.recheck = set_recheck;
	set_fill(set, mem);
}

_Static_assert(
    __builtin_offsetof(struct ivsh_set, common) == 0, "ctx of the device's calls is the set");

COLD int ivsh_set_open_any(struct ivsh_set *set, const struct ivsh_platform *platform,
    uint32_t index, struct ivsh_mem *mem)
{
	struct set_look look;
	uint32_t function;
	int error;

	for (uint32_t i = 0;; i++) {
		error = ivsh_device_find(platform, i, &function);
		if (error)
			return error;
		if (set_look_at(platform, function, &look) == 0 && set_look_is_common(&look) &&
		    index-- == 0)
			break;
	}
	error = ivsh_device_open(&set->common, platform, function);
	if (error)
		return error;
	error = ivsh_set_open(set);
	if (error) {
		ivsh_device_close(&set->common);
		return error;
	}
	if (ivsh_device_interrupts(&set->common, IVSH_DEVICE_VECTORS)) {
		/* Everything is as before: this peer polls. */
	}
	ivsh_set_mem(set, mem);
	return 0;
}

/* --- Devices that an operating system has opened ---------------------------------------------- */

COLD int ivsh_set_begin(struct ivsh_set *set, const struct ivsh_mem *common, uint32_t function)
{
	const struct ivsh_doorbell *doorbell = &common->doorbell;

	set->common = (struct ivsh_device){
	    .function = function,
	    .doorbell = common->self != IVSH_SELF_NONE,
	    .ivposition = common->self,
	    .memory = common->base,
	};
	set->common.bar[SET_BAR2].size = common->size;
	return set_begin(set, common->seed, doorbell->now_ns(doorbell->ctx));
}

COLD bool ivsh_set_offer(struct ivsh_set *set, uint32_t function, void *memory, uint64_t size)
{
	struct ivsh_set_device *entry;
	struct set_look look;

	if (!memory) {
		entry = set_add(set, function);
		if (entry)
			entry->error = IVSH_EPLATFORM;
		return false;
	}
	if (size < IVSH_WIRE_PAGE)
		return false;
	look = set_read(memory);
	if (look.magic != IVSH_WIRE_PART_MAGIC)
		return false;
	entry = set_add(set, function);
	if (!entry)
		return false;
	entry->slot = look.slot;
	entry->format_id = look.format_id;
	if (look.format_id != set->format_id)
		return false;
	set->parts[set->count - 1].base = memory;
	set->parts[set->count - 1].size = size;
	return true;
}

COLD int ivsh_set_end(struct ivsh_set *set, struct ivsh_mem *mem)
{
	if (set->need > set->room)
		return IVSH_ENOSPC;
	set_know(set);
	set_fill(set, mem);
	return 0;
}

COLD void ivsh_set_again(struct ivsh_set *set, uint32_t self, uint64_t now_ns)
{
	set->token ^= now_ns;
	if (set->common.doorbell)
		set->common.ivposition = self;
	set_know(set);
}

/* --- What was left out ------------------------------------------------------------------------ */

/* Whether the words from the version to the log's size, but for the size, are the same in both. */
COLD static bool set_fits(const void *common, const void *part)
{
	static const uint8_t offsets[] = {
	    __builtin_offsetof(struct ivsh_wire_part, version),
	    __builtin_offsetof(struct ivsh_wire_part, features),
	    __builtin_offsetof(struct ivsh_wire_part, slots),
	    __builtin_offsetof(struct ivsh_wire_part, descs),
	    __builtin_offsetof(struct ivsh_wire_part, small_size),
	    __builtin_offsetof(struct ivsh_wire_part, large_size),
	    __builtin_offsetof(struct ivsh_wire_part, log_size),
	};

	for (size_t i = 0; i < sizeof(offsets); i++)
		if (set_word(common, offsets[i]) != set_word(part, offsets[i]))
			return false;
	return true;
}

COLD enum ivsh_set_reason ivsh_set_reason(const struct ivsh_set *set, uint32_t index)
{
	const struct ivsh_set_device *entry = &set->devices[index];
	const struct ivsh_mem_part *part = &set->parts[index];
	struct set_look look;

	if (part->found != IVSH_SELF_NONE)
		return IVSH_SET_USED;
	if (!part->base)
		return entry->error ? IVSH_SET_CLOSED : IVSH_SET_FORMAT;
	look = set_read(part->base);
	if (look.magic != IVSH_WIRE_PART_MAGIC || look.slot != entry->slot)
		return IVSH_SET_CHANGED;
	if (look.format_id != set->format_id)
		return IVSH_SET_FORMAT;
	if (!set_fits(set->common.memory, part->base))
		return IVSH_SET_GEOMETRY;
	if (look.slot >=
	    set_word(set->common.memory, __builtin_offsetof(struct ivsh_wire_part, slots)))
		return IVSH_SET_SLOT;
	if (part->slot != IVSH_SELF_NONE && part->slot != look.slot)
		return IVSH_SET_ADDRESS_OF_ANOTHER;
	if (part->size < set_words(part->base, __builtin_offsetof(struct ivsh_wire_part, size)))
		return IVSH_SET_SIZE;
	for (uint32_t i = 0; i < set->count; i++)
		if (i != index && set->parts[i].base &&
		    set_word(set->parts[i].base, __builtin_offsetof(struct ivsh_wire_part, slot)) ==
			look.slot)
			return IVSH_SET_TWICE;
	return IVSH_SET_GEOMETRY;
}

COLD const char *ivsh_set_reason_text(enum ivsh_set_reason reason)
{
	switch (reason) {
	case IVSH_SET_USED:
		return "used";
	case IVSH_SET_CLOSED:
		return "cannot be opened";
	case IVSH_SET_FORMAT:
		return "a part of another formatting";
	case IVSH_SET_GEOMETRY:
		return "a part of another geometry";
	case IVSH_SET_SLOT:
		return "a part of a slot that there is not";
	case IVSH_SET_ADDRESS_OF_ANOTHER:
		return "at the address of another slot's part";
	case IVSH_SET_TWICE:
		return "another device has a part of the same slot";
	case IVSH_SET_SIZE:
		return "the memory is smaller than the part";
	case IVSH_SET_CHANGED:
		return "its header has changed";
	}
	return "unknown";
}
