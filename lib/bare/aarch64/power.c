/* SPDX-License-Identifier: MIT */
/*
 * power.c - the end of the machine: a status by semihosting, and PSCI.
 */
#include "bare/aarch64/a64.h"
#include "bare/arch.h"
#include "bare/virt/virt.h"

#define PSCI_SYSTEM_OFF UINT64_C(0x84000008) /* Arm Power State Coordination Interface, 5.9 */

static int64_t (*psci)(uint64_t function); /* NULL: the machine has none */

void a64_power_init(void)
{
	const struct bare_dtb *dtb = virt_dtb();
	struct bare_dtb_value method;
	uint32_t node = bare_dtb_path(dtb, "/psci");

	if (node == 0 || !bare_dtb_property(dtb, node, "method", &method))
		return;
	if (bare_dtb_has_text(&method, "hvc"))
		psci = a64_hvc;
	else if (bare_dtb_has_text(&method, "smc"))
		psci = a64_smc;
}

static _Noreturn void power_off(void)
{
	if (psci != NULL)
		psci(PSCI_SYSTEM_OFF);
	a64_print("exit: this machine cannot be powered off (it has no PSCI): end QEMU\n");
	a64_stop();
}

_Noreturn void arch_exit(int status)
{
	a64_interrupts_off();
	if (status != 0) {
		a64_qemu_exit(status);
		a64_print("exit: no semihosting (QEMU: -semihosting-config enable=on,"
			  "target=native): QEMU's status will be 0\n");
	}
	power_off();
}
