/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - the smallest kernel that talks, of libivsh.a and the three files here. It prints the
 * texts that come (`ivsh send`) and returns what comes to the echo port (`ivsh ping`). It polls.
 */
#include <ivsh/ivsh.h>

#define ROOM_NS UINT64_C(100000000) /* how long an answer waits until its ring has room */
#define MAPPED (UINT64_C(1) << 32)
#define HPET ((volatile uint64_t *)0xfed00000) /* IA-PC HPET Specification 1.0a, 2.3 */

void kernel_main(void);

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

/* What boot.S has mapped: QEMU's pc and q35 give a BAR2 below 1 GiB an address there. */
static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
	return address < MAPPED && size <= MAPPED - address ? (void *)(uintptr_t)address : NULL;
}

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return HPET[0xf0 / 8] * ((HPET[0] >> 32) / 1000000); /* a tick has so many femtoseconds */
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)seen;
	while (now_ns(ctx) < deadline_ns)
		__asm__ volatile("pause");
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct ivsh_cf8 cf8 = {in32, out32};
static const struct ivsh_platform platform = {
    .ctx = &cf8,
    .config_read = ivsh_cf8_read,
    .config_write = ivsh_cf8_write,
    .map = map,
    .now_ns = now_ns,
    .sleep = sleep_until,
    .count = count,
};

static void out8(char byte)
{
	__asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"((uint16_t)0x3f8)); /* COM1 */
}

static void print(const char *text, uint32_t size)
{
	while (size-- > 0 && *text != '\0')
		out8(*text++);
	out8('\n');
}

void kernel_main(void)
{
	static uint8_t block[IVSH_NODE_MEMORY];
	static char buffer[65536];
	static struct ivsh_device device;
	struct ivsh_node_message m;
	struct ivsh_node *node;
	struct ivsh_mem mem;
	int error;

	HPET[0x10 / 8] = 1; /* let it count */
	error = ivsh_device_open_any(&device, &platform, 0, &mem);
	if (!error)
		error = ivsh_node_open(&node, block, sizeof(block), &mem,
		    &(struct ivsh_node_options){.name = "kernel"});
	if (!error)
		print("the kernel is a peer", UINT32_MAX);
	while (!error || error == IVSH_ENOSPC) {
		error = ivsh_node_receive(node, &m, buffer, sizeof(buffer), IVSH_FOREVER);
		if (error == IVSH_ENOSPC)
			ivsh_node_drop(node, &m); /* larger than 64 KiB */
		else if (!error && m.port == IVSH_PORT_TEXT)
			print(buffer, m.size);
		/* A peer that takes no answers out is not to stop the kernel. */
		else if (!error && m.port == IVSH_PORT_ECHO &&
			 ivsh_node_send(node, m.peer, m.port, buffer, m.size, ROOM_NS))
			print("an answer is dropped", UINT32_MAX);
	}
	print(ivsh_error_text(error), UINT32_MAX);
}
