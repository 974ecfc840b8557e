/* SPDX-License-Identifier: MIT */
/*
 * ivsh_nuttx.c - an ivshmem device over NuttX's PCI API.
 *
 * Each open device has a driver of its own: NuttX calls its probe(), for each device that no other
 * driver has, while the driver is registered, and its remove() while it is unregistered. So NuttX
 * knows who has the device, and gives it to another driver afterwards.
 *
 * The interrupt's handler counts, then posts the semaphore. A sleeper looks at the count, then
 * takes the semaphore: a doorbell between the two leaves the semaphore posted, and the sleeper goes
 * on at once. One that came while nobody slept does the same to the next sleep, which then looks
 * again.
 */
#include "ivsh_nuttx.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <nuttx/arch.h>
#include <nuttx/irq.h>
#include <nuttx/mutex.h>

/* QEMU, docs/specs/ivshmem-spec.rst. */
#define VENDOR 0x1af4
#define DEVICE 0x1110
#define REVISION 1

#define REGISTERS_BAR 0
#define MEMORY_BAR 2

#define NS_PER_SECOND 1000000000u
#define NS_AT_ONCE (UINT64_C(3600) * NS_PER_SECOND) /* the longest wait in one call */

static const struct pci_device_id_s table[] = {{PCI_DEVICE(VENDOR, DEVICE)}, {0}};

/* NuttX does not say for whom probe() is called: one open at a time. */
static mutex_t lock = NXMUTEX_INITIALIZER;
static struct ivsh_nuttx *opening;

/* --- Time and waiting ------------------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static uint32_t count(void *ctx)
{
	const struct ivsh_nuttx *port = ctx;

	return __atomic_load_n(&port->doorbells, __ATOMIC_ACQUIRE);
}

/* No more than one post is kept: the others would each end a later sleep for nothing. */
static int handle_doorbell(int irq, void *context, void *arg)
{
	struct ivsh_nuttx *port = arg;
	int posted = 0;

	(void)irq, (void)context;
	__atomic_store_n(&port->doorbells, port->doorbells + 1, __ATOMIC_RELEASE);
	if (nxsem_get_value(&port->wake, &posted) == 0 && posted < 1)
		(void)nxsem_post(&port->wake);
	return 0;
}

static void sleep_until(void *ctx, uint32_t seen, uint64_t deadline_ns)
{
	struct ivsh_nuttx *port = ctx;

	while (count(port) == seen) {
		uint64_t now = now_ns(port), end = deadline_ns;
		struct timespec until;

		if (now >= deadline_ns)
			return;
		if (deadline_ns - now > NS_AT_ONCE)
			end = now + NS_AT_ONCE;
		until.tv_sec = (time_t)(end / NS_PER_SECOND);
		until.tv_nsec = (long)(end % NS_PER_SECOND);
		(void)nxsem_clockwait(&port->wake, CLOCK_MONOTONIC, &until);
	}
}

/* --- The interrupt ---------------------------------------------------------------------------- */

/* Let vector 0 call handle_doorbell(). How many vectors are connected: 1, or 0. */
static uint32_t connect_irq(struct ivsh_nuttx *port)
{
	struct pci_device_s *device = port->device;

	if (pci_alloc_irq(device, &port->irq, 1) != 1)
		return 0;
	if (irq_attach(port->irq, handle_doorbell, port) == 0) {
		if (pci_connect_irq(device, &port->irq, 1) == 0) {
			up_enable_irq(port->irq);
			return 1;
		}
		(void)irq_detach(port->irq);
	}
	pci_release_irq(device, &port->irq, 1);
	return 0;
}

static void disconnect_irq(struct ivsh_nuttx *port)
{
	up_disable_irq(port->irq);
	pci_release_irq(port->device, &port->irq, 1);
	(void)irq_detach(port->irq);
}

/* --- The device ------------------------------------------------------------------------------- */

/* Memory decoding, and the mastery of the bus, without which no MSI-X message leaves the device. */
static int enable(struct pci_device_s *device)
{
	if (pci_enable_device(device) < 0)
		return IVSH_EPLATFORM;
	pci_set_master(device);
	return 0;
}

static int recheck(void *ctx)
{
	struct ivsh_nuttx *port = ctx;
	uint32_t id = 0;

	if (port->device == NULL || pci_read_config_dword(port->device, 0, &id) < 0 ||
	    id != ((uint32_t)DEVICE << 16 | VENDOR) || enable(port->device) != 0)
		return IVSH_ENODEV;
	if (port->mapped.vectors != 0 && pci_connect_irq(port->device, &port->irq, 1) < 0)
		return IVSH_ENODEV;
	return 0;
}

/* Without a random number generator arc4random_buf() answers the tick; the clock has more bits. */
static uint64_t seed(void)
{
	uint64_t random = 0;

	arc4random_buf(&random, sizeof(random));
	return random ^ now_ns(NULL) * UINT64_C(0x9e3779b97f4a7c15);
}

static int map(struct ivsh_nuttx *port)
{
	struct pci_device_s *device = port->device;

	port->mapped = (struct ivsh_mapped){
	    .ctx = port,
	    .registers = pci_map_bar(device, REGISTERS_BAR),
	    .memory = pci_map_bar(device, MEMORY_BAR),
	    .size = pci_resource_len(device, MEMORY_BAR),
	    .doorbell = pci_find_capability(device, PCI_CAP_ID_MSIX) != 0,
	    .now_ns = now_ns,
	    .sleep = sleep_until,
	    .count = count,
	    .recheck = recheck,
	    .seed = seed(),
	};
	return port->mapped.registers == NULL || port->mapped.memory == NULL ? IVSH_EPLATFORM : 0;
}

/* NuttX calls it for each ivshmem device that no driver has. 0: this driver has it now. */
static int probe(struct pci_device_s *device)
{
	struct ivsh_nuttx *port = opening;
	uint32_t function = (uint32_t)device->bus->number << 8 | device->devfn;

	if (port == NULL || port->device != NULL || device->revision != REVISION)
		return -ENODEV;
	if (port->function != IVSH_NUTTX_ANY && port->function != function)
		return -ENODEV;
	port->device = device;
	device->priv = port;
	port->error = enable(device);
	if (!port->error)
		port->error = map(port);
	if (port->error) {
		pci_clear_master(device);
		device->priv = NULL;
		port->device = NULL;
		return -EIO;
	}
	port->mapped.vectors = port->mapped.doorbell ? connect_irq(port) : 0;
	return 0;
}

/* The device was unregistered, or its driver is. */
static void remove_device(struct pci_device_s *device)
{
	struct ivsh_nuttx *port = device->priv;

	if (port->mapped.vectors != 0)
		disconnect_irq(port);
	pci_clear_master(device);
	port->device = NULL;
}

int ivsh_nuttx_open(struct ivsh_nuttx *port, uint32_t function, struct ivsh_mem *mem)
{
	int error;

	*port = (struct ivsh_nuttx){
	    .driver = {.id_table = table, .probe = probe, .remove = remove_device},
	    .function = function,
	    .error = IVSH_ENODEV,
	};
	if (nxsem_init(&port->wake, 0, 0) < 0)
		return IVSH_EPLATFORM;
	error = nxmutex_lock(&lock);
	if (!error) {
		opening = port;
		error = pci_register_driver(&port->driver);
		opening = NULL;
		(void)nxmutex_unlock(&lock);
	}
	if (error < 0) {
		(void)nxsem_destroy(&port->wake);
		return IVSH_EPLATFORM;
	}
	error = port->device == NULL ? port->error : ivsh_mapped_mem(&port->mapped, mem);
	if (error)
		ivsh_nuttx_close(port);
	return error;
}

void ivsh_nuttx_close(struct ivsh_nuttx *port)
{
	(void)pci_unregister_driver(&port->driver);
	(void)nxsem_destroy(&port->wake);
}
