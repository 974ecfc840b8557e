/* SPDX-License-Identifier: MIT */
/*
 * host_bridge.c - whose message it is: the way from a PCI function to the message controller.
 *
 * msi-map: Linux, Documentation/devicetree/bindings/pci/pci-msi.txt. The bridges: PCI Express to
 * PCI/PCI-X Bridge Specification 1.0, 2.3; QEMU, hw/pci/pci.c: pci_req_id_cache_get().
 */
#include "bare/aarch64/host_bridge.h"

#define MAP_CELLS 4u /* requester, phandle, number, count */

#define BUSES 0x18u /* PCI table 3-1 of the bridge specification */
#define BUS_SECONDARY(word) ((word) >> 8 & 0xff)
#define BUS_SUBORDINATE(word) ((word) >> 16 & 0xff)
#define HEADER 0x0cu                            /* PCI 6.2.1: bit 23: there are more functions */
#define HEADER_TYPE(word) ((word) >> 16 & 0x7f) /* 1: a bridge */
#define HEADER_MANY (UINT32_C(1) << 23)
#define CAPABILITIES 0x34u /* PCI 6.7 */
#define STATUS 0x04u       /* PCI 6.2.3 */
#define STATUS_CAPABILITIES (UINT32_C(1) << 20)
#define CAPABILITY_EXPRESS 0x10u /* PCI Express Base Specification 4.0, 7.5.3 */
#define EXPRESS_TYPE(word) ((word) >> 20 & 0xf)
#define EXPRESS_TO_PCI 7u

static const struct bare_dtb *tree;
static uint32_t bridge, controller; /* nodes */

/* The phandle of the controller that the host bridge names. 0: none. */
static uint32_t named(void)
{
	struct bare_dtb_value map;

	if (bare_dtb_property(tree, bridge, "msi-map", &map))
		return bare_dtb_cell(&map, 1);
	return bare_dtb_number(tree, bridge, "msi-parent", 0);
}

static bool is_compatible(uint32_t node, const char *compatible)
{
	for (uint32_t at = bare_dtb_compatible(tree, 0, compatible); at != 0;
	     at = bare_dtb_compatible(tree, at, compatible))
		if (at == node)
			return true;
	return false;
}

uint32_t a64_host_bridge_open(const struct bare_dtb *dtb, const char *compatible)
{
	uint32_t phandle;

	tree = dtb;
	bridge = bare_dtb_compatible(dtb, 0, "pci-host-ecam-generic");
	phandle = bridge != 0 ? named() : 0;
	if (phandle == 0) {
		controller = bare_dtb_compatible(dtb, 0, compatible);
	} else {
		controller = bare_dtb_phandle(dtb, phandle);
		if (!is_compatible(controller, compatible))
			controller = 0;
	}
	return controller;
}

/* Its PCI Express type. UINT32_MAX: it is a function of conventional PCI. */
static uint32_t express_type(const struct ivsh_platform *p, uint32_t function)
{
	uint32_t at = p->config_read(p->ctx, function, CAPABILITIES) & 0xfc;

	if ((p->config_read(p->ctx, function, STATUS) & STATUS_CAPABILITIES) == 0)
		return UINT32_MAX;
	/* There is room for 48 of them, so a list that is longer goes round. */
	for (uint32_t i = 0; i < 48 && at >= 0x40; i++) {
		uint32_t word = p->config_read(p->ctx, function, at);

		if ((word & 0xff) == CAPABILITY_EXPRESS)
			return EXPRESS_TYPE(word);
		at = word >> 8 & 0xfc;
	}
	return UINT32_MAX;
}

/* The bridge of bus (bus) behind which (wanted) is. False: none is. */
static bool bridge_to(
    const struct ivsh_platform *p, uint32_t bus, uint32_t wanted, uint32_t *function)
{
	for (uint32_t devfn = 0; devfn < 256; devfn++) {
		uint32_t at = bus << 8 | devfn, header, buses;

		if (p->config_read(p->ctx, at, 0) == UINT32_MAX) {
			if (IVSH_PCI_FN(at) == 0)
				devfn |= 7;
			continue;
		}
		header = p->config_read(p->ctx, at, HEADER);
		buses = p->config_read(p->ctx, at, BUSES);
		if (HEADER_TYPE(header) == 1 && BUS_SECONDARY(buses) > bus &&
		    BUS_SECONDARY(buses) <= wanted && BUS_SUBORDINATE(buses) >= wanted) {
			*function = at;
			return true;
		}
		if (IVSH_PCI_FN(at) == 0 && (header & HEADER_MANY) == 0)
			devfn |= 7;
	}
	return false;
}

/*
 * From the root down: the first bridge to conventional PCI decides. A PCI Express one names its
 * secondary bus and device 0, a conventional one itself.
 */
uint32_t a64_requester(const struct ivsh_platform *platform, uint32_t function)
{
	uint32_t bus = 0, wanted = IVSH_PCI_BUS(function), at;

	while (bus < wanted && bridge_to(platform, bus, wanted, &at)) {
		uint32_t type = express_type(platform, at);

		bus = BUS_SECONDARY(platform->config_read(platform->ctx, at, BUSES));
		if (type == EXPRESS_TO_PCI)
			return bus << 8;
		if (type == UINT32_MAX)
			return at;
	}
	return function & 0xffff;
}

bool a64_device_id(uint32_t requester, uint32_t *id)
{
	uint32_t masked, mask = UINT32_MAX;
	struct bare_dtb_value map;

	*id = requester;
	if (bridge == 0 || !bare_dtb_property(tree, bridge, "msi-map", &map))
		return true;
	mask = bare_dtb_number(tree, bridge, "msi-map-mask", UINT32_MAX);
	masked = requester & mask;
	for (uint32_t i = 0; i + MAP_CELLS <= map.size / 4; i += MAP_CELLS) {
		uint32_t first = bare_dtb_cell(&map, i), count = bare_dtb_cell(&map, i + 3);

		if (masked < first || masked - first >= count)
			continue;
		*id = bare_dtb_cell(&map, i + 2) + (masked - first);
		return bare_dtb_phandle(tree, bare_dtb_cell(&map, i + 1)) == controller;
	}
	return false;
}
