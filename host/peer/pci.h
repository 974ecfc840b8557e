/* SPDX-License-Identifier: MIT */
/*
 * pci.h - in a Linux guest: its ivshmem devices as transports.
 *
 * The calls are those of struct world, for a command line that has --pci: app/world.h.
 */
#ifndef PCI_H
#define PCI_H

#include "app/options.h"
#include "app/world.h"

/* Take the value of --pci. False after one line on stderr. */
bool pci_take(const char *text);

/* How often --pci was given. */
uint32_t pci_count(void);

/* The same; 0 after a line: a value is wrong. */
uint32_t pci_places(void);

int pci_open(struct transport *transport, uint32_t place, const struct options *options);
int pci_probe(struct transport *transport, uint32_t place, const struct options *options);
void pci_close(struct transport *transport);
void pci_entered(const struct transport *transport);

/* Print why a region was refused, if it is for the own part. False: it is not. */
bool pci_refused(const struct transport *transport, int error);

enum world_state pci_state(struct transport *transport);
void pci_release(struct transport *transport);
enum world_ready pci_ready(uint32_t place);
void pci_join(struct transport *first, struct transport *other);

#endif
