/* SPDX-License-Identifier: MIT */
/*
 * boost.cc - Boost's spsc_queue, slots of a fixed size, capacity known to the compiler.
 *
 * No writing in place: it has none.
 */
#include "tests/bench/native/loops.h"

#include <boost/lockfree/spsc_queue.hpp>
#include <new>

namespace {

template <uint32_t Size> struct Message {
	uint8_t bytes[Size];
};

template <uint32_t Size>
using Queue =
    boost::lockfree::spsc_queue<Message<Size>, boost::lockfree::capacity<SLOTS_FOR(Size)>>;

template <uint32_t Size> struct Pair {
	alignas(64) Queue<Size> there;
	alignas(64) Queue<Size> back;
};

template <uint32_t Size> struct End {
	Queue<Size> *tx, *rx;

	static bool put(void *end, const uint8_t *data, uint32_t)
	{
		return static_cast<End *>(end)->tx->push(
		    *reinterpret_cast<const Message<Size> *>(data));
	}

	static bool take(void *end, uint8_t *data, uint32_t)
	{
		return static_cast<End *>(end)->rx->pop(*reinterpret_cast<Message<Size> *>(data));
	}

	static uint32_t put_many(void *end, const uint8_t *data, uint32_t, uint32_t count)
	{
		return uint32_t(static_cast<End *>(end)->tx->push(
		    reinterpret_cast<const Message<Size> *>(data), count));
	}

	static uint32_t take_many(void *end, uint8_t *data, uint32_t, uint32_t count)
	{
		return uint32_t(static_cast<End *>(end)->rx->pop(
		    reinterpret_cast<Message<Size> *>(data), count));
	}
};

template <uint32_t Size> void run_size(struct job *job, enum mode mode)
{
	auto *pair = reinterpret_cast<Pair<Size> *>(job->memory);
	End<Size> end = {job->side == 0 ? &pair->there : &pair->back,
	    job->side == 0 ? &pair->back : &pair->there};

	if (mode == MODE_STREAM)
		stream_of(job, &end, End<Size>::put, End<Size>::take, Size);
	else if (mode == MODE_BATCH)
		batch_of(job, &end, End<Size>::put_many, End<Size>::take_many, Size);
	else
		roundtrip_of(job, &end, End<Size>::put, End<Size>::take, Size);
}

template <uint32_t Size> void make_size(uint8_t *memory)
{
	new (memory) Pair<Size>;
}

/* Calls (what) of the size of messages that (size) is. */
#define OF_SIZE(size, what, ...) \
	((size) == 8       ? what<8>(__VA_ARGS__) \
	 : (size) == 64    ? what<64>(__VA_ARGS__) \
	 : (size) == 256   ? what<256>(__VA_ARGS__) \
	 : (size) == 1024  ? what<1024>(__VA_ARGS__) \
	 : (size) == 4096  ? what<4096>(__VA_ARGS__) \
	 : (size) == 16384 ? what<16384>(__VA_ARGS__) \
	 : (size) == 65536 ? what<65536>(__VA_ARGS__) \
			   : what<SIZE_MOST>(__VA_ARGS__))

template <uint32_t Size> uint64_t bytes_size()
{
	return sizeof(Pair<Size>);
}

bool can(enum mode mode, uint32_t size)
{
	if (mode == MODE_BATCH)
		return size <= 4096;
	return mode == MODE_STREAM || (mode == MODE_ROUNDTRIP && size < SIZE_MOST);
}

uint64_t bytes(uint32_t size)
{
	return OF_SIZE(size, bytes_size);
}

void make(uint8_t *memory, uint64_t, uint32_t size)
{
	OF_SIZE(size, make_size, memory);
}

void run(struct job *job, enum mode mode)
{
	OF_SIZE(job->size, run_size, job, mode);
}

} // namespace

extern "C" const struct contender bench_boost = {"boost", false, can, bytes, make, run};
