/* SPDX-License-Identifier: MIT */
/*
 * crash_test.c - either side, or both, stops at every access of shared memory that a call makes,
 * and comes back as a new incarnation. SPEC R6.3, R6.4, R7.1, R7.3, R7.9, R7.11.
 *
 * Two sides, A that sends and B that receives. While A is in a call, at each of its loads and
 * stores in turn, B makes a call of its own, whole or cut behind each of its stores; then A goes on
 * or is cut there, too. The side that was cut begins a new incarnation, and the two must go on
 * together: every message that was accepted arrives, in order, and repeats only with its mark. The
 * hook of lib/core/atomic.h does the cutting. Host only.
 */
#include "tests/lib/test.h"
#include "tests/core/world.h"

#include "core/atomic.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES 256u
#define DESCS 16u

static struct side {
	struct end end;
	uint32_t self;
	bool alive;
	uint64_t lost;   /* resets that were reported to its incarnations */
	uint64_t errors; /* damage that they found */
} a, b;

/* What A has sent, and what B has processed. */
static uint32_t put, expect;
static uint32_t sizes[MESSAGES];
static bool accepted[MESSAGES], seen[MESSAGES];
static uint32_t repeats;

static bool reports, reported; /* A has begun to report a loss; that was accepted */
static bool damaged, dropped;  /* messages may be missing: by a reset; by a discarded backlog */
static uint64_t damages;       /* that there are to find; UINT64_MAX: an unknown number */
static uint32_t claims; /* by B: each begins a new generation of the ring from B to A. SPEC R5.2 */
static bool taking;     /* B is in a call that copies messages out of the ring */
static bool failed;
static uint64_t runs;

/* --- Cutting ---------------------------------------------------------------------------------- */

struct cut {
	jmp_buf out;
	uint32_t at, count; /* the access at which something happens; 0: none */
	bool stores;        /* behind stores only; else before each load and store */
	bool dies;
	void (*meanwhile)(void);
};

static struct cut *volatile current;

/*
 * gcc 14's AddressSanitizer looks for uses of a stack frame after return, unless an option says
 * otherwise. Its frames of a call that is left by longjmp() are collected only slowly: 2.2 million
 * trials took more than 15 minutes instead of one.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0";
}

void ivsh_hook(enum hook_kind kind, const void *word, uint32_t size)
{
	struct cut *cut = current;

	(void)word;
	(void)size;
	if (!cut || (kind == HOOK_STORED) != cut->stores || ++cut->count != cut->at)
		return;
	current = NULL;
	if (cut->meanwhile)
		cut->meanwhile();
	if (cut->dies)
		longjmp(cut->out, 1);
	current = cut;
}

/* Make the call (op) under (cut). True if it was cut off. */
static bool run_cut(void (*op)(void), struct cut *cut)
{
	cut->count = 0;
	if (setjmp(cut->out) != 0) {
		current = NULL;
		return true;
	}
	current = cut;
	op();
	current = NULL;
	return false;
}

/* --- Operations of the sides ------------------------------------------------------------------ */

static void fail(const char *what, long long got, long long want)
{
	failed = true;
	test_fail(__FILE__, __LINE__, what, got, want);
}

static void killed(struct side *side)
{
	if (!side->alive)
		return;
	side->lost += side->end.region.counters.lost;
	side->errors += side->end.region.counters.errors;
	side->alive = false;
	end_kill(&side->end);
}

/*
 * Begin a new incarnation; with (fresh) it discards the backlog. Cut in the middle it has not
 * begun.
 */
static int live(struct side *side, bool fresh, bool claim)
{
	static uint64_t nonce;
	struct ivsh_mem mem = world_mem_to(side->self, 1 - side->self);
	struct ivsh_attach attach = {
	    .restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = ++nonce,
	    .discard = fresh ? ivsh_attach_discard : NULL,
	    .claim = claim ? ivsh_attach_claim : NULL,
	};
	struct end *end = &side->end;
	int error = ivsh_region_attach(&end->region, &mem, &attach);

	if (!error)
		error =
		    ivsh_chan_open(&end->chan, &end->region, 1 - side->self, end->records, DESCS);
	side->alive = true;
	return error;
}

/* The bytes of the next message, of (size) bytes, at (bytes). False: there are too many. */
static bool make_one(uint8_t *bytes, uint32_t size)
{
	uint32_t n = put++;

	if (n >= MESSAGES) {
		fail("messages", n, MESSAGES);
		return false;
	}
	sizes[n] = size;
	memset(bytes, (int)n, size);
	memcpy(bytes, &n, sizeof(n));
	return true;
}

static void send_one(uint32_t size)
{
	static uint8_t bytes[1024];

	if (make_one(bytes, size))
		accepted[put - 1] = ivsh_chan_send(&a.end.chan, 1, bytes, size) == 0;
}

/* The application has this message: check that it is whole, and in order. */
static void process(const struct ivsh_message *message)
{
	static uint8_t want[1024];
	uint32_t n;

	memcpy(&n, message->data, sizeof(n));
	if (n >= put || message->size != sizes[n]) {
		fail("a message that nobody sent", n, put);
		return;
	}
	memset(want, (int)n, sizes[n]);
	memcpy(want, &n, sizeof(n));
	if (memcmp(message->data, want, sizes[n]) != 0)
		fail("torn", n, 0);
	if (n < expect) {
		repeats++;
		if (!(message->flags & IVSH_MAYBE_SEEN))
			fail("unmarked repeat, or out of order", n, expect);
		return;
	}
	for (uint32_t i = expect; i < n; i++)
		if (accepted[i] && !damaged && !dropped)
			fail("missing", i, n);
	seen[n] = true;
	expect = n + 1;
}

static int take_one(void)
{
	struct ivsh_message message;
	int error = ivsh_chan_peek(&b.end.chan, &message);

	if (!error) {
		process(&message);
		error = ivsh_chan_release(&b.end.chan);
	}
	return error;
}

static void a_send_inline(void)
{
	send_one(4);
}

static void a_send_hot(void)
{
	send_one(100);
}

static void a_send_bulk(void)
{
	send_one(600);
}

static void send_many(const uint32_t *some, uint32_t count)
{
	static uint8_t bytes[6][512];
	struct ivsh_message batch[6];
	uint32_t first = put, sent = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!make_one(bytes[i], some[i]))
			return;
		batch[i] = (struct ivsh_message){bytes[i], some[i], 1, 0};
	}
	(void)!ivsh_chan_send_batch(&a.end.chan, batch, count, &sent);
	for (uint32_t i = 0; i < sent; i++)
		accepted[first + i] = true;
}

static void a_send_batch(void)
{
	static const uint32_t some[] = {8, 5, 100, 8, 300};

	send_many(some, 5);
}

/* Two packed records, and a message between them. SPEC R7.12. */
static void a_send_packed(void)
{
	static const uint32_t some[] = {20, 20, 20, 8, 100, 100};

	send_many(some, 6);
}

/* In place: a reservation that was abandoned leaves nothing. */
static void a_publish(void)
{
	static uint8_t bytes[1024];
	void *payload;

	if (ivsh_chan_reserve(&a.end.chan, 200, &payload) == 0) {
		memset(payload, 0xaa, 200);
		ivsh_chan_abandon(&a.end.chan);
	}
	if (!make_one(bytes, 90) || ivsh_chan_reserve(&a.end.chan, 90, &payload) != 0)
		return;
	memcpy(payload, bytes, 90);
	accepted[put - 1] = ivsh_chan_publish(&a.end.chan, 1) == 0;
}

static void a_wait(void)
{
	(void)!world_wait(&a.end.region, 1);
}

static void a_reset(void)
{
	(void)!ivsh_chan_reset(&a.end.chan);
}

/* It loses none of the messages in the ring. SPEC R6.7.4. */
static void a_report(void)
{
	reports = true;
	reported = ivsh_chan_report_loss(&a.end.chan) == 0;
}

static void a_live(void)
{
	killed(&a);
	(void)live(&a, false, false);
}

static void a_close(void)
{
	ivsh_chan_close(&a.end.chan);
	ivsh_region_detach(&a.end.region);
	killed(&a);
}

static void b_take(void)
{
	(void)take_one();
}

/*
 * A message that a cut call has copied out of the ring is lost with its incarnation:
 * ivsh_chan_receive() says so.
 */
static void b_receive_batch(void)
{
	static uint8_t buffer[1024];
	struct ivsh_message batch[4];
	uint32_t received = 0;

	taking = true;
	(void)!ivsh_chan_receive_batch(&b.end.chan, batch, 4, buffer, sizeof(buffer), &received);
	taking = false;
	for (uint32_t i = 0; i < received; i++)
		process(&batch[i]);
}

static void b_next(void)
{
	struct ivsh_message message;
	struct ivsh_chan *chan;

	if (ivsh_region_next(&b.end.region, &chan, &message) == 0) {
		process(&message);
		(void)!ivsh_chan_release(chan);
	}
}

static void b_wait(void)
{
	(void)!world_wait(&b.end.region, 1);
}

static void b_reset(void)
{
	(void)!ivsh_chan_reset(&b.end.chan);
}

static void b_live(void)
{
	killed(&b);
	if (live(&b, false, false) == 0)
		(void)take_one();
}

static void b_claim(void)
{
	killed(&b);
	claims++;
	(void)live(&b, false, true);
}

static void b_fresh(void)
{
	killed(&b);
	dropped = true;
	(void)live(&b, true, false);
}

static void b_close(void)
{
	ivsh_chan_close(&b.end.chan);
	ivsh_region_detach(&b.end.region);
	killed(&b);
}

static void b_nothing(void)
{
}

/* --- Stages: where the two sides begin -------------------------------------------------------- */

static uint64_t nonsense(uint32_t index)
{
	return (uint64_t)(uint16_t)(index / DESCS + 1) << 48 | 3u << 28;
}

static void stage_normal(void)
{
}

/* B has found damage, and waits for the generation. */
static void stage_broken(void)
{
	damaged = true;
	damages = UINT64_MAX;
	while (take_one() == 0)
		;
	send_one(4);
	world_desc(0, 1, b.end.chan.rx.read)->control = nonsense(b.end.chan.rx.read);
	(void)take_one();
	CHECK(b.end.chan.dead);
}

static void stage_asked(void)
{
	stage_broken();
	b_reset();
	/* From here on only the handshake goes on, and it leaves no damage to find. */
	damages = 1;
}

static void stage_begun(void)
{
	stage_asked();
	send_one(4);
}

static void stage_followed(void)
{
	stage_begun();
	(void)take_one();
	CHECK_EQ(world_ring(0, 1).receiver->generation_ack, world_ring(0, 1).sender->generation);
}

/* A has found damage. */
static void stage_sender(void)
{
	damaged = true;
	damages = UINT64_MAX;
	world_ring(0, 1).receiver->read ^= 1u << 30;
	a_wait();
	CHECK(a.end.chan.dead);
	/* For B its own word is damaged, too. */
	world_ring(0, 1).receiver->read ^= 1u << 30;
}

static void start(void (*stage)(void))
{
	static const struct ivsh_geometry geometry = {2, DESCS, 1024, 1024, 0};

	world.now_ns = 1000000000;
	world.notified = world.rings = 0;
	CHECK_EQ(world_format_again(&geometry, true), 0);
	put = expect = repeats = 0;
	memset(accepted, 0, sizeof(accepted));
	memset(seen, 0, sizeof(seen));
	a = (struct side){.self = 0};
	b = (struct side){.self = 1};
	damaged = dropped = taking = failed = reports = reported = false;
	damages = claims = 0;
	CHECK_EQ(live(&a, false, false), 0);
	CHECK_EQ(live(&b, false, false), 0);
	/* Not from index 0 on, areas not from their beginnings, and some messages released but not
	 * published. */
	for (uint32_t i = 0; i < 20; i++) {
		send_one(i % 3 == 0 ? 4 : i % 3 == 1 ? 80 : 200);
		b_take();
	}
	send_one(4);
	send_one(40);
	send_one(300);
	send_one(4);
	b_take();
	stage();
}

/* --- And afterwards --------------------------------------------------------------------------- */

/* Damage that was done is reset; no other damage is found. */
static void heal(struct side *side, int error)
{
	if (error == IVSH_EPROTO && damaged)
		error = ivsh_chan_reset(&side->end.chan);
	if (error != 0 && error != IVSH_EAGAIN)
		fail("error", error, 0);
}

static void revive(struct side *side)
{
	if (!side->alive)
		heal(side, live(side, false, false));
}

/* The other direction was not affected, or has begun a new generation, which A sees as it polls. */
static void way_back(void)
{
	struct ivsh_message message = {0};

	if (world_is_one_way()) {
		/* SPEC R18.1, R18.2.1. */
		if (ivsh_chan_send(&b.end.chan, 1, "back", 4) != IVSH_EONEWAY ||
		    ivsh_chan_peek(&a.end.chan, &message) != IVSH_EONEWAY)
			fail("a way back", 1, 0);
		return;
	}
	if (claims != 0 && ivsh_chan_peek(&a.end.chan, &message) == 0)
		fail("the way back: a message", 1, 0);
	if (ivsh_chan_send(&b.end.chan, 1, "back", 4) != 0 ||
	    ivsh_chan_peek(&a.end.chan, &message) != 0)
		fail("the way back", 1, 0);
}

/* Both sides are there again and go on together. */
static void settle(bool b_first)
{
	uint32_t fresh_from, got = 0, missing = 0;

	revive(b_first ? &b : &a);
	revive(b_first ? &a : &b);
	fresh_from = put;
	for (unsigned i = 0; i < 60 && got < 5; i++) {
		send_one(i % 2 ? 4 : 120);
		if (!accepted[put - 1])
			heal(&a, ivsh_chan_send(&a.end.chan, 1, NULL, UINT32_MAX) == IVSH_EPROTO
				     ? IVSH_EPROTO
				     : 0);
		heal(&b, take_one());
		got += expect > fresh_from;
	}
	if (got < 5)
		fail("stuck", got, 5);
	for (unsigned i = 0; i < 2 * DESCS && take_one() == 0; i++)
		;
	/* Messages sent until here may have been lost with the reset. */
	fresh_from = put;
	for (unsigned i = 0; i < 2 * DESCS; i++) {
		send_one(i % 3 == 0 ? 4 : i % 3 == 1 ? 120 : 500);
		heal(&b, take_one());
	}
	for (uint32_t i = 0; i < put; i++) {
		bool lost = accepted[i] && !seen[i];

		missing += lost;
		if (i < fresh_from ? lost && !damaged && !dropped : !seen[i])
			fail("not delivered", i, put);
	}
	if (repeats > 2 * (DESCS / 4 + 1))
		fail("repeats", repeats, 2 * (DESCS / 4 + 1));
	way_back();
	killed(&a);
	killed(&b);
	if (!damaged && claims == 0 && !reports && a.lost + b.lost != 0)
		fail("lost", (long long)(a.lost + b.lost), 0);
	/* Missing messages were reported, to this incarnation or to the last. */
	if (((missing && !dropped) || reported) && (a.lost == 0 || b.lost == 0))
		fail("not told of", (long long)a.lost, (long long)b.lost);
	if (damages != UINT64_MAX && a.errors + b.errors != damages)
		fail("damage found", (long long)(a.errors + b.errors), (long long)damages);
}

struct op {
	const char *name;
	void (*run)(void);
};

static struct cut cut_a, cut_b;
static void (*op_b)(void);
static bool cut_in_b;

static void meanwhile(void)
{
	cut_in_b = run_cut(op_b, &cut_b);
	if (cut_in_b) {
		dropped |= taking;
		taking = false;
		b.alive = true;
		killed(&b);
	}
}

/*
 * One trial: A in (op) is at its access (k), B behind its store (j), 0: whole. True if both were.
 */
static bool one(void (*stage)(void), void (*op)(void), uint32_t k, uint32_t j, bool dies)
{
	bool cut_in_a;

	start(stage);
	cut_a = (struct cut){.at = k, .dies = dies, .meanwhile = meanwhile};
	cut_b = (struct cut){.at = j, .stores = true, .dies = true};
	cut_in_b = false;
	cut_in_a = run_cut(op, &cut_a);
	if (cut_in_a) {
		a.alive = true;
		killed(&a);
	}
	settle((k + j) & 1);
	runs++;
	return cut_a.count >= k && (j == 0 || cut_in_b);
}

static const struct op ops_a[] = {
    {"send inline", a_send_inline},
    {"send hot", a_send_hot},
    {"send bulk", a_send_bulk},
    {"send batch", a_send_batch},
    {"send packed", a_send_packed},
    {"publish", a_publish},
    {"wait", a_wait},
    {"reset", a_reset},
    {"report loss", a_report},
    {"live", a_live},
    {"close", a_close},
};

static const struct op ops_b[] = {
    {"nothing", b_nothing},
    {"take", b_take},
    {"receive batch", b_receive_batch},
    {"next", b_next},
    {"wait", b_wait},
    {"reset", b_reset},
    {"live", b_live},
    {"fresh", b_fresh},
    {"claim", b_claim},
    {"close", b_close},
};

/* All of it, from one stage on. */
static void all(const char *name, void (*stage)(void))
{
	uint64_t before = runs;

	failed = false;
	for (unsigned x = 0; x < sizeof(ops_a) / sizeof(ops_a[0]) && !failed; x++)
		for (unsigned y = 0; y < sizeof(ops_b) / sizeof(ops_b[0]) && !failed; y++) {
			char row[128];
			uint32_t k, j;

			op_b = ops_b[y].run;
			for (k = 1; !failed; k++) {
				bool more = false;

				for (j = 0; !failed; j++) {
					bool both;

					snprintf(row, sizeof(row), "%s: A: %s at %u, B: %s at %u",
					    name, ops_a[x].name, k, ops_b[y].name, j);
					test_row(row);
					(void)one(stage, ops_a[x].run, k, j, true);
					if (failed)
						break;
					both = one(stage, ops_a[x].run, k, j, false);
					more |= cut_a.count >= k;
					if (!both)
						break;
				}
				if (!more)
					break;
			}
		}
	printf("%s: %llu runs\n", name, (unsigned long long)(runs - before));
}

static void normal(void)
{
	all("normal", stage_normal);
}

static void broken(void)
{
	all("broken", stage_broken);
}

static void asked(void)
{
	all("asked", stage_asked);
}

static void begun(void)
{
	all("begun", stage_begun);
}

static void followed(void)
{
	all("followed", stage_followed);
}

static void sender(void)
{
	all("sender", stage_sender);
}

/* A sends, finds that its own words are not as it left them, and begins a new generation. */
static void a_sends_and_resets(void)
{
	send_one(4);
	world_ring(0, 1).sender->start ^= 1;
	a_wait();
	CHECK(a.end.chan.dead);
	a_reset();
}

/* A message accepted between two polls, just before a reset, still comes. SPEC R6.5.3. */
static void late(void)
{
	bool more = true;
	uint32_t k;

	for (k = 1; more; k++) {
		start(stage_normal);
		while (take_one() == 0)
			;
		cut_b = (struct cut){.at = k, .meanwhile = a_sends_and_resets};
		(void)run_cut(b_take, &cut_b);
		more = cut_b.count >= k;
		for (unsigned i = 0; i < 4; i++) {
			if (i == 2)
				send_one(4);
			b_take();
		}
		CHECK_EQ(expect, put);
		CHECK_EQ(a.end.chan.lost, more);
		CHECK_EQ(b.end.chan.lost, more);
	}
	CHECK(k > 4);
}

/* A is killed behind the (j)th store of a batch. False: there are fewer. */
static bool batch_cut(uint32_t j)
{
	bool was_cut;

	start(stage_normal);
	cut_a = (struct cut){.at = j, .stores = true, .dies = true};
	was_cut = run_cut(a_send_batch, &cut_a);
	a.alive = true;
	killed(&a);
	return was_cut;
}

/* B has come to the ring's end whenever A sends: it would take what stands valid behind that. */
static void one_by_one(void)
{
	revive(&a);
	for (uint32_t i = 0; i < 6; i++) {
		while (take_one() == 0)
			;
		send_one(4);
	}
}

/*
 * A batch that is cut anywhere is not there at all, or its first messages are; and the repair of
 * the ring is cut anywhere, too, and again: at the same access, or each time at the next one. SPEC
 * R7.3.3, R7.9.3.
 */
static void batches(void)
{
	uint32_t j, repairs = 0;
	bool more = true;

	failed = false;
	for (j = 1; batch_cut(j) && !failed; j++, more = true)
		for (uint32_t k = 1; more && !failed; k++)
			for (uint32_t way = 0; way < 4 && !failed; way++) {
				uint32_t times = way < 2 ? 2 : 7, step = way & 1;
				bool was_cut;

				(void)batch_cut(j);
				for (uint32_t i = 0; i < times; i++) {
					cut_a = (struct cut){.at = k + i * step, .dies = true};
					was_cut = run_cut(a_live, &cut_a);
					more = step == 0 ? was_cut : more;
					a.alive = true;
					killed(&a);
				}
				one_by_one();
				settle(way < 2);
				repairs++;
			}
	CHECK(j > 10);
	CHECK(repairs > 1000);
}

static struct ivsh_region region;

/* Attach as (self), formatting what is not: 0, or the error. */
static int formats(uint32_t self)
{
	static uint64_t nonce;
	struct ivsh_attach attach = {.restart = ivsh_attach_restart,
	    .counters = ivsh_attach_counters,
	    .nonce = ++nonce,
	    .formatter = ivsh_attach_format,
	    .format = {2, DESCS, 1024, 1024, 0}};
	struct ivsh_mem mem = world_mem(self);

	return ivsh_region_attach(&region, &mem, &attach);
}

static void formats_as_0(void)
{
	CHECK_EQ(formats(0), 0);
}

static void formats_split(void)
{
	static const struct ivsh_geometry geometry = {2, DESCS, 1024, 1024, 0};

	CHECK_EQ(world_format_again(&geometry, true), 0);
}

/* The same of a split region: a memory is whole, or has no magic. SPEC R17.3.2. */
static void format_split_cut(void)
{
	bool more = true;
	uint32_t k;

	for (k = 1; more; k++) {
		const uint64_t *part =
		    (const void *)((uint8_t *)world_slot(0) - IVSH_WIRE_PART_SLOT_OFFSET(0));
		int error;

		cut_a = (struct cut){.at = k, .dies = true};
		more = run_cut(formats_split, &cut_a);
		error = formats(0);
		CHECK_EQ(error, !world_header()->magic ? IVSH_ENODEV : !*part ? IVSH_EPART : 0);
		formats_split();
		CHECK_EQ(formats(0), 0);
		CHECK_EQ(formats(1), 0);
	}
	CHECK(k > 6);
}

/*
 * A formatter that is cut anywhere leaves no region or a whole one, and its next incarnation goes
 * on from that. SPEC R3.1, R3.4.
 */
static void format_cut(void)
{
	bool more = true;
	uint32_t k;

	if (world_is_split()) {
		format_split_cut();
		return;
	}
	for (k = 1; more; k++) {
		memset(world.memory, 0, 32768);
		cut_a = (struct cut){.at = k, .dies = true};
		more = run_cut(formats_as_0, &cut_a);
		CHECK_EQ(formats(1), world_header()->magic ? 0 : IVSH_ENODEV);
		CHECK_EQ(formats(0), 0);
		CHECK_EQ(formats(1), 0);
	}
	CHECK(k > 20);
}

static const struct test tests[] = {
    {"batches", batches},
    {"normal", normal},
    {"broken", broken},
    {"asked", asked},
    {"begun", begun},
    {"followed", followed},
    {"sender broken", sender},
    {"late", late},
    {"format", format_cut},
};

/* crash_test --batches: the first case alone. */
int main(int argc, char **argv)
{
	bool first = argc == 2 && strcmp(argv[1], "--batches") == 0;

	world_reset();
	return test_main("crash", tests, first ? 1 : sizeof(tests) / sizeof(tests[0]));
}
