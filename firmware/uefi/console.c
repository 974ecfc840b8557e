/* SPDX-License-Identifier: MIT */
/*
 * console.c - output of text and input of one key, over the console protocols.
 */
#include "uefi/console.h"
#include "uefi/machine.h"
#include "uefi/unlisted.h"

#include "bare/arch.h"

#include <stdint.h>

/* UCS-2 characters that go out in one call, the NUL not counted. */
#define CHUNK 126

/* Between two reads of the keyboard: firmware polls its serial port and keyboards every 10 ms. */
#define POLL_NS 10000000u

static EFI_SYSTEM_TABLE *table;
static bool serial; /* the firmware has no console that shows text: use a serial port */

/* Whether some device shows text. The system's own two handles only forward to such devices. */
static bool has_screen(const EFI_SYSTEM_TABLE *system)
{
	EFI_GUID guid = SIMPLE_TEXT_OUTPUT_PROTOCOL;
	EFI_BOOT_SERVICES *services = system->BootServices;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	bool found = false;

	if (EFI_ERROR(services->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles)))
		return false;
	for (UINTN i = 0; i < count; i++)
		found |= handles[i] != system->ConsoleOutHandle &&
			 handles[i] != system->StandardErrorHandle;
	services->FreePool(handles);
	return found;
}

void console_open(EFI_SYSTEM_TABLE *system)
{
	table = system;
	serial = unlisted_all(system->BootServices) && !has_screen(system) && machine_serial_open();
}

/* An incomplete UTF-8 character, also between two calls: its bits so far, and bytes to come. */
static struct {
	uint32_t code;
	unsigned missing;
} partial;

/*
 * Take one byte. Answers the character that it completes, or 0. Overlong forms are not refused, as
 * the output goes to a screen only.
 */
static CHAR16 decode(uint8_t byte)
{
	if (byte >= 0x80 && byte < 0xc0 && partial.missing > 0) {
		partial.code = partial.code << 6 | (byte & 0x3f);
		if (--partial.missing > 0)
			return 0;
		return partial.code < 0x80 || partial.code > 0xffff ? '?' : (CHAR16)partial.code;
	}
	partial.missing = byte < 0xc0 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	partial.code = byte & (0x3fu >> partial.missing);
	if (partial.missing > 0)
		return 0;
	if (byte == '\t')
		return ' '; /* OutputString knows BS, LF and CR alone: 12.4.3 */
	if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\b') || byte >= 0x7f)
		return '?';
	return byte;
}

void arch_console_put(const char *text, size_t size)
{
	CHAR16 chunk[CHUNK + 1];
	size_t length = 0;

	for (size_t i = 0; serial && i < size; i++) {
		if (text[i] == '\n')
			machine_serial_write("\r", 1);
		machine_serial_write(&text[i], 1);
	}
	for (size_t i = 0; i < size; i++) {
		CHAR16 c = decode((uint8_t)text[i]);

		if (c == '\n')
			chunk[length++] = '\r';
		if (c != 0)
			chunk[length++] = c;
		if (length >= CHUNK - 1 || i + 1 == size) {
			chunk[length] = 0;
			table->ConOut->OutputString(table->ConOut, chunk);
			length = 0;
		}
	}
}

int arch_console_read(void)
{
	return ARCH_END_OF_INPUT;
}

bool console_stopped(void)
{
	static bool stopped;
	static uint64_t next_ns;
	uint64_t now = arch_now_ns();
	EFI_INPUT_KEY key;

	if (stopped || now < next_ns)
		return stopped;
	next_ns = now + POLL_NS;
	/* At most 16: a key that repeats must not keep this loop. */
	for (int i = 0; i < 16; i++) {
		if (table->ConIn == NULL ||
		    EFI_ERROR(table->ConIn->ReadKeyStroke(table->ConIn, &key)))
			break;
		if (key.ScanCode == SCAN_ESC || key.UnicodeChar == 3)
			stopped = true;
	}
	return stopped;
}
