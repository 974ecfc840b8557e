/* SPDX-License-Identifier: MIT */
/*
 * ivsh.h - everything.
 */
#ifndef IVSH_IVSH_H
#define IVSH_IVSH_H

#include <ivsh/version.h>
#include <ivsh/error.h>
#include <ivsh/wire.h>
#include <ivsh/doorbell.h>
#include <ivsh/mem.h>
#include <ivsh/mapped.h>
#include <ivsh/platform.h>
#include <ivsh/pci.h>
#include <ivsh/device.h>
#include <ivsh/hotplug.h>
#include <ivsh/set.h>
#include <ivsh/geometry.h>
#include <ivsh/region.h>
#include <ivsh/channel.h>
#include <ivsh/wait.h>
#include <ivsh/peers.h>
#include <ivsh/stream.h>
#include <ivsh/metrics.h>
#include <ivsh/log.h>
#include <ivsh/node.h>
#include <ivsh/connection.h>

#endif
