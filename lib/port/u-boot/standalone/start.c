/* SPDX-License-Identifier: MIT */
/*
 * start.c - a program for U-Boot's `go`, which a U-Boot runs that somebody else has built:
 *
 *	pci enum
 *	go ADDRESS echo 0
 *	go ADDRESS ping alpha 500
 *
 * U-Boot has given the devices their addresses, and leaves paging off or each address mapped to
 * itself. The program calls nothing of U-Boot: where its jump table is depends on its
 * configuration, and it has no calls for PCI. No interrupt comes: the program polls, and notifies.
 */
#include "machine.h"
#include "talk.h"

#define UART_DATA 0u
#define UART_STATUS 5u
#define UART_STATUS_DATA 0x01u /* a character was received */
#define UART_STATUS_ROOM 0x20u /* another one can be sent */
#define CONTROL_C 3

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

static void *map(void *ctx, uint64_t address, uint64_t size, enum ivsh_map kind)
{
	(void)ctx, (void)kind;
	if (size - 1 > UINTPTR_MAX - address)
		return NULL;
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
	while (machine.now_ns(ctx) < deadline_ns)
		;
}

/* --- The program ------------------------------------------------------------------------------ */

static void print_character(char character)
{
	while (!(machine_uart_read(UART_STATUS) & UART_STATUS_ROOM))
		;
	machine_uart_write(UART_DATA, (uint8_t)character);
}

static void print(void *ctx, const char *text)
{
	(void)ctx;
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			print_character('\r');
		print_character(*text);
	}
}

static bool stop(void *ctx)
{
	(void)ctx;
	return machine_uart_read(UART_STATUS) & UART_STATUS_DATA &&
	       machine_uart_read(UART_DATA) == CONTROL_C;
}

static const struct ivsh_talk talk = {.name = "u-boot", .print = print, .stop = stop};

/* Called by U-Boot; the words are those of `go` from the address on. The status is printed. */
__attribute__((__section__(".text.start"))) int start(int argc, char *const argv[])
{
	static struct ivsh_device device;
	static struct ivsh_mem mem;
	int error, status;

	machine_begin();
	machine.map = map;
	machine.sleep = sleep_until;
	machine.count = count;
	error = ivsh_device_open_any(&device, &machine, 0, &mem);
	if (error) {
		print(NULL, "ivsh: device: ");
		print(NULL, ivsh_error_text(error));
		print(NULL, error == IVSH_ENOSPC ? ": type pci enum first\n" : "\n");
		return IVSH_TALK_FAILED;
	}
	status = ivsh_talk(&talk, &mem, argc - 1, argv + 1);
	ivsh_device_close(&device);
	return status;
}
