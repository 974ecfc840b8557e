/* SPDX-License-Identifier: MIT */
/*
 * program.c - a program for U-Boot's `go` on QEMU's virt of riscv64: libivsh.a, and a platform of
 * its own over what U-Boot has set up. Nothing of lib/bare, and no C library.
 *
 *	go ADDRESS talk N      send N messages to slot 1 - self, which sends each back unchanged
 *	go ADDRESS answer N    send N messages back
 *
 * It answers 0, which `go` prints, only after N messages in either direction; `talk` has then
 * compared every byte of what came back. U-Boot has enumerated the buses (`pci enum`), runs with
 * paging off, and hands over its stack. No interrupt is used: the program polls, and notifies.
 */
#include <ivsh/device.h>
#include <ivsh/node.h>
#include <ivsh/pci.h>

#define ECAM 0x30000000u /* QEMU, hw/riscv/virt.c, with the two below */
#define UART 0x10000000u
#define NS_PER_TICK 100u /* of the register time: 10 MHz */

#define TIMEOUT_NS UINT64_C(20000000000)
#define SIZE_MAX_BYTES 4096u

int start(int argc, char *const argv[]);
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* --- What the library links against ----------------------------------------------------------- */

void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to < (uintptr_t)from)
		return memcpy(to, from, size);
	while (size-- > 0)
		((uint8_t *)to)[size] = ((const uint8_t *)from)[size];
	return to;
}

void *memset(void *to, int value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = (uint8_t)value;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i])
			return ((const uint8_t *)a)[i] < ((const uint8_t *)b)[i] ? -1 : 1;
	return 0;
}

/* --- The platform ----------------------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
	uint64_t ticks;

	(void)ctx;
	__asm__ volatile("rdtime %0" : "=r"(ticks));
	return ticks * NS_PER_TICK;
}

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)size, (void)kind;
	return (void *)(uintptr_t)address;
}

static uint32_t count(void *ctx)
{
	(void)ctx;
	return 0;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	(void)seen;
	while (now_ns(ctx) < deadline_ns)
		;
}

static struct ivsh_ecam ecam = {.buses = 1};

static struct ivsh_platform platform = {
    .ctx = &ecam,
    .config_read = ivsh_ecam_read,
    .config_write = ivsh_ecam_write,
    .map = map,
    .now_ns = now_ns,
    .sleep = sleep_until,
    .count = count,
};

/* --- The program ------------------------------------------------------------------------------ */

static void print(const char *text)
{
	volatile uint8_t *uart = (volatile uint8_t *)(uintptr_t)UART;

	for (; *text != '\0'; text++)
		uart[0] = (uint8_t)*text;
}

static int failed(const char *what, int error)
{
	print("program: ");
	print(what);
	print(": ");
	print(error != 0 ? ivsh_error_text(error) : "not what was sent");
	print("\n");
	return 1;
}

static uint32_t number(const char *text)
{
	uint32_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint32_t)(*text - '0');
	return value;
}

static uint8_t sent[SIZE_MAX_BYTES], received[SIZE_MAX_BYTES];

/* Sizes and bytes differ from message to message. */
static int talk(struct ivsh_node *node, uint32_t i)
{
	struct ivsh_node_message message;
	uint32_t size = 1 + i * 97 % SIZE_MAX_BYTES;
	int error;

	for (uint32_t at = 0; at < size; at++)
		sent[at] = (uint8_t)(i + at * 7);
	error = ivsh_node_send(node, 1 - node->self, IVSH_PORT_ECHO, sent, size, TIMEOUT_NS);
	if (error)
		return failed("send", error);
	error = ivsh_node_receive(node, &message, received, sizeof(received), TIMEOUT_NS);
	if (error || message.peer != 1 - node->self || message.port != IVSH_PORT_ECHO ||
	    message.size != size || memcmp(sent, received, size) != 0)
		return failed("receive", error);
	return 0;
}

static int answer(struct ivsh_node *node)
{
	struct ivsh_node_message m;
	int error = ivsh_node_receive(node, &m, received, sizeof(received), TIMEOUT_NS);

	if (error)
		return failed("receive", error);
	error = ivsh_node_send(node, m.peer, m.port, received, m.size, TIMEOUT_NS);
	return error ? failed("send", error) : 0;
}

static int run(bool talks, uint32_t messages)
{
	static uint8_t block[IVSH_NODE_MEMORY];
	static struct ivsh_device device;
	static struct ivsh_mem mem;
	struct ivsh_node *node;
	int status = 0, error;

	ecam.base = (volatile void *)(uintptr_t)ECAM;
	error = ivsh_device_open_any(&device, &platform, 0, &mem);
	if (error)
		return failed("device", error);
	error = ivsh_node_open(&node, block, sizeof(block), &mem, NULL);
	if (error)
		return failed("node", error);
	print("program: attached\n");
	for (uint32_t i = 0; i < messages && status == 0; i++)
		status = talks ? talk(node, i) : answer(node);
	ivsh_node_close(node);
	ivsh_device_close(&device);
	if (status == 0)
		print("program: done\n");
	return status;
}

/* Called by U-Boot; the words are those of `go` from the address on. */
__attribute__((section(".text.start"))) int start(int argc, char *const argv[])
{
	/* libivsh.a was compiled for floating point, which U-Boot may have left off. */
	__asm__ volatile("csrs sstatus, %0" : : "r"(0x6000));
	if (argc != 3)
		return 2;
	return run(argv[1][0] == 't', number(argv[2]));
}
