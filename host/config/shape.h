/* SPDX-License-Identifier: MIT */
/*
 * shape.h - the shape of the shared state that the options require.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include "config/options.h"
#include "wire/state.h"

struct state_shape shape_of(const struct options *options);

#endif
