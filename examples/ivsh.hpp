// SPDX-License-Identifier: MIT
//
// ivsh.hpp - ivsh/node.h for C++11 and later: what is open is closed at the end of its scope.
//
// No exceptions, no heap, no C++ library: it works in a guest without an operating system. Each
// call answers what its C function does: 0 or a negative ivsh_error, which must not be ignored.
// The C headers are the manual. What has no method here is called on get().
//
#ifndef IVSH_HPP
#define IVSH_HPP

#include <ivsh/ivsh.h>

namespace ivsh
{

constexpr uint64_t forever = IVSH_FOREVER;

// What its scope owns alone: it is neither copied nor moved, as the library keeps its address.
class pinned
{
      public:
	pinned() = default;
	pinned(const pinned &) = delete;
	pinned &operator=(const pinned &) = delete;
};

// A guest's ivshmem device.
class device : pinned
{
      public:
	~device()
	{
		close();
	}

	IVSH_MUST_CHECK int open(const ivsh_platform &platform, uint32_t index = 0)
	{
		close();
		return ivsh_device_open_any(&device_, &platform, index, &mem_);
	}

	void close()
	{
		if (device_.registers)
			ivsh_device_close(&device_);
	}

	const ivsh_mem &mem() const
	{
		return mem_;
	}

      private:
	ivsh_device device_ = {};
	ivsh_mem mem_ = {};
};

// A node with its memory: by default of a region of 8 slots. It must end before the transport.
template <size_t size = IVSH_NODE_MEMORY> class node : pinned
{
      public:
	~node()
	{
		close();
	}

	IVSH_MUST_CHECK int open(const ivsh_mem &mem, ivsh_node_options *options = nullptr)
	{
		close();
		return ivsh_node_open(&node_, block_, size, &mem, options);
	}

	void close()
	{
		if (node_)
			ivsh_node_close(node_);
		node_ = nullptr;
	}

	ivsh_node *get() const
	{
		return node_;
	}

	IVSH_MUST_CHECK int send(uint32_t peer, uint16_t port, const void *data, uint32_t bytes,
	    uint64_t timeout_ns = forever)
	{
		return ivsh_node_send(node_, peer, port, data, bytes, timeout_ns);
	}

	// Into an array: its size is the capacity.
	template <class T, size_t count>
	IVSH_MUST_CHECK int receive(
	    ivsh_node_message &message, T (&buffer)[count], uint64_t timeout_ns = forever)
	{
		return ivsh_node_receive(node_, &message, buffer, sizeof(buffer), timeout_ns);
	}

      private:
	ivsh_node *node_ = nullptr;
	uint8_t block_[size];
};

// A message to (peer) that is written in place. Its scope's end drops it, unless it was published.
class reservation : pinned
{
      public:
	reservation(ivsh_node *node, uint32_t peer, uint32_t bytes)
	    : channel_(ivsh_node_channel(node, peer)),
	      error_(channel_ ? ivsh_chan_reserve(channel_, bytes, &data_) : IVSH_EINVAL)
	{
	}

	~reservation()
	{
		if (data_)
			ivsh_chan_abandon(channel_);
	}

	// Where to write; nullptr: it failed.
	void *data() const
	{
		return data_;
	}

	// Why it failed: IVSH_EAGAIN, there is no room.
	int error() const
	{
		return error_;
	}

	IVSH_MUST_CHECK int publish(uint16_t port)
	{
		error_ = data_ ? ivsh_chan_publish(channel_, port) : error_;
		if (!error_)
			data_ = nullptr;
		return error_;
	}

      private:
	void *data_ = nullptr;
	ivsh_chan *channel_;
	int error_;
};

} // namespace ivsh

#endif
