/* SPDX-License-Identifier: MIT */
/*
 * virt_test.c - what lib/bare/virt makes of a device tree.
 *
 * With a file as its argument it prints what it finds in this tree.
 */
#include "bare/arch.h"
#include "bare/virt/virt.h"
#include "tests/bare/machine.h"
#include "tests/bare/tree.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Trees ------------------------------------------------------------------------------------ */

static void start(void)
{
	memset(image_kept, 0, 4096);
	machine_refuses = machine_ecam = machine_ecam_size = 0;
	machine_has_msi = 0;
	tree_start();
	TREE_CELLS("#address-cells", 2);
	TREE_CELLS("#size-cells", 2);
}

static bool init(void)
{
	tree_done();
	return virt_init(tree_bytes);
}

static void memory(uint64_t address, uint64_t size)
{
	tree_node("memory");
	tree_text("device_type", "memory");
	TREE_CELLS("reg", (uint32_t)(address >> 32), (uint32_t)address, (uint32_t)(size >> 32),
	    (uint32_t)size);
	tree_end();
}

static void serial(const char *name, const char *compatible, uint32_t address, const char *status)
{
	tree_node(name);
	tree_text("compatible", compatible);
	TREE_CELLS("reg", 0, address, 0, 0x1000);
	tree_text("status", status);
	tree_end();
}

/* (ranges) stands for seven cells each. */
static void pci(uint32_t buses, const uint32_t *ranges, uint32_t count)
{
	tree_node("pcie@10000000");
	tree_text("compatible", "pci-host-ecam-generic");
	TREE_CELLS("#address-cells", 3);
	TREE_CELLS("#size-cells", 2);
	TREE_CELLS("reg", 0x40, 0x10000000, 0, 0x1000000);
	TREE_CELLS("bus-range", 0, buses - 1);
	tree_cells("ranges", ranges, count * 7);
	tree_end();
}

/* --- Cases ------------------------------------------------------------------------------------ */

static void ram(void)
{
	struct bare_dtb_range range;

	start();
	memory(0x40000000, 0x8000000);
	memory(0x4c000000, 0x4000000);
	memory(0x48000000, 0x4000000); /* touches both */
	memory(0x60000000, 0);
	memory(0x100000000, 0x100000000);
	memory(UINT64_MAX - 1, 3);
	NEED_EQ(init(), 1);
	CHECK(virt_ram(0, &range) && range.address == 0x40000000 && range.size == 0x10000000);
	CHECK(virt_ram(1, &range) && range.address == 0x100000000 && range.size == 0x100000000);
	CHECK(!virt_ram(2, &range));
	CHECK_EQ(virt_ram_end(0x3fffffff), 0);
	CHECK_EQ(virt_ram_end(0x40000000), 0x50000000);
	CHECK_EQ(virt_ram_end(0x4fffffff), 0x50000000);
	CHECK_EQ(virt_ram_end(0x50000000), 0);
	CHECK_EQ(virt_ram_end(0x1ffffffff), 0x200000000);
}

static void many_pieces(void)
{
	struct bare_dtb_range range;

	start();
	for (uint32_t i = 0; i < 40; i++)
		memory(0x2000u * i, 0x1000);
	NEED_EQ(init(), 1);
	CHECK(virt_ram(31, &range));
	CHECK(!virt_ram(32, &range));
}

static void no_tree(void)
{
	start();
	tree_done();
	tree_header(0, 0);
	CHECK(!virt_init(tree_bytes));
}

static void uart(void)
{
	start();
	NEED_EQ(init(), 1);
	CHECK_EQ(virt_uart(), 0);
	start();
	serial("pl011@1", "arm,pl011", 0x1000, "disabled");
	serial("pl011@2", "arm,pl011", 0x2000, "okay");
	serial("serial@3", "ns16550a", 0x3000, "okay");
	NEED_EQ(init(), 1);
	CHECK_EQ(virt_uart(), 0x2000);
	start();
	serial("serial@3", "ns16550a", 0x3000, "okay");
	serial("serial@4", "ns16550a", 0x4000, "okay");
	tree_node("chosen");
	tree_text("stdout-path", "/serial@4:115200n8");
	tree_end();
	NEED_EQ(init(), 1);
	CHECK_EQ(virt_uart(), 0x4000);
	start();
	serial("serial@3", "ns16550a", 0x3000, "okay");
	tree_node("chosen");
	tree_text("stdout-path", "/nowhere");
	tree_end();
	NEED_EQ(init(), 1);
	CHECK_EQ(virt_uart(), 0x3000);
}

static void command_line(void)
{
	static char line[4097];

	start();
	NEED_EQ(init(), 1);
	CHECK_EQ(strcmp(arch_command_line(), ""), 0);
	memset(line, 'a', 4096);
	for (uint32_t size = 4095; size <= 4096; size++) {
		line[size] = '\0';
		start();
		tree_node("chosen");
		tree_property("bootargs", line, size + 1);
		tree_end();
		NEED_EQ(init(), 1);
		CHECK_EQ(arch_command_line() != NULL, size == 4095);
		line[size] = 'a';
	}
}

static void no_pci(void)
{
	const struct ivsh_platform *platform = arch_platform();
	struct ivsh_pci_windows windows;

	start();
	NEED_EQ(init(), 1);
	virt_platform_init();
	CHECK_EQ(platform->config_read(platform->ctx, 0, 0), 0xffffffff);
	CHECK(platform->msi_open == NULL && platform->msi_close == NULL);
	arch_pci_windows(&windows);
	CHECK_EQ(windows.low.end - windows.low.next, 0);
	CHECK_EQ(windows.high.end - windows.high.next, 0);
}

/* I/O, one that devices have elsewhere, one at 0, one beyond 4 GiB, and of two the larger one. */
static void windows(void)
{
	static const uint32_t ranges[][7] = {
	    {0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000},
	    {0x02000000, 0, 0x20000000, 0, 0x30000000, 0, 0x10000000},
	    {0x02000000, 0, 0, 0, 0, 0, 0x10000000},
	    {0x02000000, 0, 0xf0000000, 0, 0xf0000000, 1, 0},
	    {0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0x1000000},
	    {0x42000000, 0, 0x50000000, 0, 0x50000000, 0, 0x2000000},
	    {0x03000000, 0x80, 0, 0x80, 0, 0x80, 0},
	    {0x03000000, 0, 0x60000000, 0, 0x60000000, 0x100, 0},
	    {0x03000000, UINT32_MAX, 0, UINT32_MAX, 0, 2, 0},
	};
	struct ivsh_pci_windows found;

	start();
	pci(16, ranges[0], sizeof(ranges) / sizeof(ranges[0]));
	NEED_EQ(init(), 1);
	machine_has_msi = 1;
	virt_platform_init();
	CHECK(arch_platform()->msi_open != NULL && arch_platform()->msi_close != NULL);
	CHECK(machine_ecam == 0x4010000000 && machine_ecam_size == 16 << 20);
	arch_pci_windows(&found);
	CHECK(found.low.next == 0x50000000 && found.low.end == 0x52000000);
	CHECK(found.high.next == 0x8000000000 && found.high.end == 0x10000000000);
	CHECK_EQ(found.next_bus, 1);
}

/* What is not there is not mapped. */
static void buses(void)
{
	start();
	pci(1, NULL, 0);
	NEED_EQ(init(), 1);
	virt_platform_init();
	CHECK_EQ(machine_ecam_size, 1 << 20);
	start();
	pci(256, NULL, 0);
	NEED_EQ(init(), 1);
	virt_platform_init();
	CHECK_EQ(machine_ecam_size, 16 << 20);
	start();
	pci(0, NULL, 0); /* the last bus is UINT32_MAX */
	NEED_EQ(init(), 1);
	virt_platform_init();
	CHECK_EQ(machine_ecam_size, 16 << 20);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static uint64_t image(void)
{
	return (uint64_t)(uintptr_t)image_end;
}

/* Whether there is a heap, of (*size) bytes, with RAM of (ram_size) bytes behind the image. */
static bool heap(uint64_t ram_size, const void *tree, uint64_t *size)
{
	char *first, *last;

	start();
	memory(image() & ~UINT64_C(4095), ram_size);
	tree_done();
	if (!virt_init(tree))
		return false;
	if (setjmp(machine_end) != 0)
		return false;
	virt_heap_init();
	arch_heap(&first, &last);
	*size = (uint64_t)(last - first);
	return first == image_end;
}

static void heaps(void)
{
	uint64_t size = 0, tree = (uint64_t)(uintptr_t)tree_bytes;

	CHECK(!heap(0x3ffff, tree_bytes, &size));
	CHECK(heap(0x40fff, tree_bytes, &size));
	CHECK_EQ(size, 0x40000);
	/* A tree in RAM behind the image: the heap ends before it. */
	if (tree > image() + (256 << 10)) {
		CHECK(heap(tree - image() + 0x10000000, tree_bytes, &size));
		CHECK_EQ(size, (tree & ~UINT64_C(4095)) - image());
	}
	machine_refuses = tree;
	start();
	machine_refuses = tree;
	NEED_EQ(init(), 1);
	if (setjmp(machine_end) == 0) {
		virt_heap_init();
		CHECK(false);
	}
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static void nonces(void)
{
	uint64_t first, second;

	start();
	tree_node("chosen");
	TREE_CELLS("rng-seed", 1, 2, 3, 4);
	tree_end();
	NEED_EQ(init(), 1);
	first = arch_nonce();
	second = arch_nonce();
	CHECK(first != second);
	/* The machine started anew, with another seed at the same time. */
	start();
	tree_node("chosen");
	TREE_CELLS("rng-seed", 1, 2, 3, 5);
	tree_end();
	NEED_EQ(init(), 1);
	CHECK(arch_nonce() != first && arch_nonce() != second);
}

static void identity(void)
{
	uint64_t first;

	start();
	NEED_EQ(init(), 1);
	virt_platform_init();
	virt_generation_init();
	first = arch_platform()->machine;
	CHECK(first != 0);
	CHECK(arch_platform()->vm_generation == NULL);
	machine_counter++;
	virt_generation_init();
	CHECK(arch_platform()->machine == first);
	image_kept[9] ^= 1;
	virt_generation_init();
	CHECK(arch_platform()->machine != first && arch_platform()->machine != 0);
}

/* --- A tree of QEMU's ------------------------------------------------------------------------- */

static int show(const char *name)
{
	static uint8_t bytes[4 << 20];
	FILE *file = fopen(name, "rb");
	struct bare_dtb_range range;
	struct ivsh_pci_windows found;
	size_t size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;

	if (size < 40 || !virt_init(bytes)) {
		fprintf(stderr, "virt_test: %s: no device tree\n", name);
		return 1;
	}
	fclose(file);
	for (uint32_t i = 0; virt_ram(i, &range); i++)
		printf("ram %llx %llx\n", (unsigned long long)range.address,
		    (unsigned long long)range.size);
	printf("uart %llx\n", (unsigned long long)virt_uart());
	virt_platform_init();
	arch_pci_windows(&found);
	printf("ecam %llx %llx\n", (unsigned long long)machine_ecam,
	    (unsigned long long)machine_ecam_size);
	printf("low %llx %llx\n", (unsigned long long)found.low.next,
	    (unsigned long long)found.low.end);
	printf("high %llx %llx\n", (unsigned long long)found.high.next,
	    (unsigned long long)found.high.end);
	machine_ecam = 0;
	virt_generation_init();
	printf("fw_cfg %llx\n", (unsigned long long)machine_ecam);
	printf("command line: %s\n", arch_command_line());
	return 0;
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
	    {"RAM", ram},
	    {"many pieces of RAM", many_pieces},
	    {"no tree", no_tree},
	    {"serial port", uart},
	    {"command line", command_line},
	    {"no PCI", no_pci},
	    {"windows", windows},
	    {"buses", buses},
	    {"heap", heaps},
	    {"nonces", nonces},
	    {"identity", identity},
	};

	if (argc > 1)
		return show(argv[1]);
	return test_main("virt", tests, sizeof(tests) / sizeof(tests[0]));
}
