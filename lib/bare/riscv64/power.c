/* SPDX-License-Identifier: MIT */
/*
 * power.c - the end of the machine: by virt's test device, or by firmware.
 *
 * QEMU, hw/misc/sifive_test.c: the low half of the word is what to do, the high half a status.
 */
#include "bare/arch.h"
#include "bare/riscv64/riscv.h"
#include "bare/virt/virt.h"
#include "device/relax.h"

#define TEST_PASS 0x5555u
#define TEST_FAIL 0x3333u
#define STATUS_MAX 127

/* About a second in ticks of virt's clock: QEMU acts some time after the write. */
#define END_TICKS 10000000u

#define SHUTDOWN 0 /* SBI 10.1: the type; the reason is none */

/* Where QEMU's virt has it (hw/riscv/virt.c), until the device tree has been read. */
static volatile uint32_t *test = (volatile uint32_t *)0x100000;

uint64_t rv_power_find(void)
{
	struct bare_dtb_range range;
	uint32_t node = bare_dtb_compatible(virt_dtb(), 0, "sifive,test0");

	return node != 0 && bare_dtb_reg(virt_dtb(), node, 0, &range) ? range.address : 0;
}

void rv_power_init(uint64_t address)
{
	test = NULL;
	if (address != 0)
		test = virt_map(address, sizeof(*test), IVSH_MAP_REGISTERS);
	if (test == NULL)
		rv_print("power: the device tree has no sifive,test0: QEMU's status will be 0\n");
}

static void wait_for_end(void)
{
	uint64_t start = rv_time();

	while (rv_time() - start < END_TICKS)
		relax_processor();
}

_Noreturn void arch_exit(int status)
{
	static const char no_device[] = "exit: no test device: QEMU's status will be 0\n";

	rv_interrupts_off();
	if (test != NULL) {
		if (status < 0 || status > STATUS_MAX)
			status = STATUS_MAX;
		*test = status == 0 ? TEST_PASS : (uint32_t)status << 16 | TEST_FAIL;
		wait_for_end();
	}
	if (status != 0)
		rv_print(no_device);
	if (rv_has_firmware)
		rv_sbi(RV_SBI_RESET, 0, SHUTDOWN, 0);
	rv_print("power: this machine cannot be switched off, and does nothing more: end QEMU\n");
	rv_stop();
}
