/* SPDX-License-Identifier: MIT */
/*
 * machines.h - buses as different machines and firmware leave them.
 *
 * Each call adds to an empty bus what its name says; machines.c has the details.
 */
#ifndef MACHINES_H
#define MACHINES_H

#include "tests/device/fake_platform.h"

void machine_root_small(struct fake_bus *bus);
void machine_root_64g(struct fake_bus *bus);
void machine_root_three(struct fake_bus *bus);
void machine_one_bridge(struct fake_bus *bus);
void machine_one_bridge_32(struct fake_bus *bus);
void machine_nested(struct fake_bus *bus);
void machine_chain_8(struct fake_bus *bus);
void machine_chain_9(struct fake_bus *bus);
void machine_chain_9_empty(struct fake_bus *bus);
void machine_chain_9_numbered(struct fake_bus *bus);
void machine_chain_40(struct fake_bus *bus);
void machine_two_roots(struct fake_bus *bus);
void machine_two_roots_done(struct fake_bus *bus);
void machine_root_unannounced(struct fake_bus *bus);
void machine_roots_close(struct fake_bus *bus);
void machine_done_already(struct fake_bus *bus);
void machine_gap(struct fake_bus *bus);
void machine_bar2_missing(struct fake_bus *bus);
void machine_hot_plugged(struct fake_bus *bus);
void machine_hot_plugged_blind(struct fake_bus *bus);
void machine_some_numbers(struct fake_bus *bus);
void machine_no_number_left(struct fake_bus *bus);
void machine_liars(struct fake_bus *bus);
void machine_stuck_bar(struct fake_bus *bus);
void machine_many_bridges(struct fake_bus *bus);

#endif
