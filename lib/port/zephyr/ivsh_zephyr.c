/* SPDX-License-Identifier: MIT */
/*
 * ivsh_zephyr.c - from Zephyr's PCI Express calls to a struct ivsh_mapped.
 *
 * The interrupt handler counts, then gives the semaphore. A sleeper looks at the count, then takes
 * the semaphore: a doorbell between the two leaves the semaphore given, and the sleeper goes on.
 */
#include "ivsh_zephyr.h"

#include <zephyr/drivers/pcie/cap.h>
#include <zephyr/sys/device_mmio.h>

#define REVISION 1u /* ivshmem-spec, "Device identification", as the two below */
#define REGISTERS_BAR 0u
#define MEMORY_BAR 2u

#define NS_PER_SECOND UINT64_C(1000000000)

/* --- Time and waiting ------------------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
	uint64_t count, hz;

	(void)ctx;
	if (IS_ENABLED(CONFIG_TIMER_HAS_64BIT_CYCLE_COUNTER)) {
		count = k_cycle_get_64();
		hz = sys_clock_hw_cycles_per_sec();
	} else { /* ticks, where the cycles have 32 bits and overflow within seconds */
		count = (uint64_t)k_uptime_ticks();
		hz = CONFIG_SYS_CLOCK_TICKS_PER_SEC;
	}
	return count / hz * NS_PER_SECOND + count % hz * NS_PER_SECOND / hz;
}

static uint32_t count(void *ctx)
{
	struct ivsh_zephyr *port = ctx;

	return (uint32_t)atomic_get(&port->doorbells);
}

/* Vectors may be handled at the same time, by several processors or nested. */
static void handler(const void *parameter)
{
	struct ivsh_zephyr *port = (void *)(uintptr_t)parameter;

	(void)atomic_inc(&port->doorbells);
	k_sem_give(&port->semaphore);
}

/* K_NSEC() rounds up to ticks. Zephyr may count them in 32 bits: a second at a time. */
static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct ivsh_zephyr *port = ctx;

	while (count(port) == seen) {
		uint64_t now = now_ns(NULL);
		uint64_t left = deadline_ns - now;

		if (now >= deadline_ns)
			return;
		(void)k_sem_take(&port->semaphore,
		    K_NSEC((int64_t)(left < NS_PER_SECOND ? left : NS_PER_SECOND)));
	}
}

/* --- The device ------------------------------------------------------------------------------- */

struct search {
	uint32_t before; /* devices to pass over */
	pcie_bdf_t found;
};

static bool look(pcie_bdf_t bdf, pcie_id_t id, void *data)
{
	struct search *search = data;

	if (id != PCIE_ID(0x1af4, 0x1110) || search->before-- != 0)
		return true;
	search->found = bdf;
	return false;
}

static void decode(pcie_bdf_t bdf)
{
	pcie_set_cmd(bdf, PCIE_CONF_CMDSTAT_MEM | PCIE_CONF_CMDSTAT_MASTER, true);
}

/* Map a BAR; its size. 0 or an error of ivsh_zephyr_open(). */
static int map(pcie_bdf_t bdf, unsigned int index, uint32_t cache, mm_reg_t *base, size_t *size)
{
	struct pcie_bar bar;

	if (!pcie_get_mbar(bdf, index, &bar))
		return IVSH_ENOSPC;
	*base = 0;
	device_map(base, bar.phys_addr, bar.size, cache);
	*size = bar.size;
	return *base == 0 ? IVSH_EPLATFORM : 0;
}

/* Connect vectors; their number. */
static uint32_t connect(struct ivsh_zephyr *port)
{
	uint32_t vectors = pcie_msi_vectors_allocate(
	    port->function, CONFIG_IVSH_INT_PRIORITY, port->vectors, CONFIG_IVSH_VECTORS);

	for (uint32_t i = 0; i < vectors; i++)
		if (!pcie_msi_vector_connect(port->function, &port->vectors[i], handler, port, 0))
			return 0;
	if (vectors == 0 || !pcie_msi_enable(port->function, port->vectors, (uint8_t)vectors, 0))
		return 0;
	return vectors;
}

/* KVM, and a machine that was moved, want MSI-X off and on again. */
static int recheck(void *ctx)
{
	struct ivsh_zephyr *port = ctx;
	uint32_t msix;

	if (pcie_conf_read(port->function, PCIE_CONF_ID) != PCIE_ID(0x1af4, 0x1110))
		return IVSH_ENODEV;
	decode(port->function);
	if (port->mapped.vectors == 0)
		return 0;
	msix = pcie_get_cap(port->function, PCI_CAP_ID_MSIX);
	if (msix == 0)
		return IVSH_ENODEV;
	pcie_conf_write(port->function, msix + PCIE_MSIX_MCR,
	    pcie_conf_read(port->function, msix + PCIE_MSIX_MCR) & ~PCIE_MSIX_MCR_EN);
	return pcie_msi_enable(port->function, port->vectors, (uint8_t)port->mapped.vectors, 0)
		   ? 0
		   : IVSH_ENODEV;
}

int ivsh_zephyr_open(struct ivsh_zephyr *port, uint32_t index, struct ivsh_mem *mem)
{
	struct search search = {.before = index, .found = PCIE_BDF_NONE};
	const struct pcie_scan_opt scan = {
	    .cb = look, .cb_data = &search, .flags = PCIE_SCAN_RECURSIVE};
	struct ivsh_mapped *mapped = &port->mapped;
	mm_reg_t registers, memory;
	size_t size;
	int error;

	if (pcie_scan(&scan) < 0 || search.found == PCIE_BDF_NONE)
		return IVSH_ENODEV;
	port->function = search.found;
	if (PCIE_CONF_CLASSREV_REV(pcie_conf_read(port->function, PCIE_CONF_CLASSREV)) != REVISION)
		return IVSH_EVERSION;
	decode(port->function);
	error = map(port->function, REGISTERS_BAR, K_MEM_CACHE_NONE, &registers, &size);
	if (!error)
		error = map(port->function, MEMORY_BAR, K_MEM_CACHE_WB, &memory, &size);
	if (error)
		return error;
	k_sem_init(&port->semaphore, 0, 1);
	mapped->ctx = port;
	mapped->registers = (volatile void *)registers;
	mapped->memory = (void *)memory;
	mapped->size = size;
	mapped->doorbell = pcie_get_cap(port->function, PCI_CAP_ID_MSIX) != 0;
	mapped->vectors = mapped->doorbell ? connect(port) : 0;
	mapped->now_ns = now_ns;
	mapped->sleep = sleep_until;
	mapped->count = count;
	mapped->recheck = recheck;
	return ivsh_mapped_mem(mapped, mem);
}
