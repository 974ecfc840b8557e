/* SPDX-License-Identifier: MIT */
/*
 * table.c - the wrap counters of a ring in step: where the sender is, and what does not fit.
 *
 * Theory of operation: the sender shares no index, but the descriptors tell it. Before the index of
 * the next message they carry the wrap counter of this round, from there on that of the round
 * before. One damaged word cannot hide that from the others: so the index is found in three ways,
 * from the read index, from the first descriptor and from the last one, and the one that the most
 * descriptors agree with is taken. The read index is at most descs behind it.
 */
#include "observe/ring.h"
#include "observe/rings.h"

/* In a generation's first round nobody knows what stands behind the next index. */
static bool is_first_round(
    const struct observer *observer, const struct observed_ring *ring, uint32_t next)
{
	return next - ring->sender.start < observer->geometry.descs;
}

/* Whether descriptor (i) fits if the sender's next message has the index (next). */
static bool fits(
    const struct observer *observer, const struct observed_ring *ring, uint32_t next, uint32_t i)
{
	uint32_t descs = observer->geometry.descs, at = next % descs, round = next - at;
	uint16_t wrap = wrap_at(observer, i);

	if (i < at)
		return wrap == wrap_of(observer, round);
	/* A batch stores its first descriptor last. SPEC R7.3.3. */
	if (i > at && wrap == wrap_of(observer, round))
		return true;
	if (is_first_round(observer, ring, next))
		return (wrap == 0 || ring->sender.generation != 0) &&
		       wrap != wrap_of(observer, round);
	return wrap == (uint16_t)(wrap_of(observer, round) - 1);
}

static uint32_t misfits(
    const struct observer *observer, const struct observed_ring *ring, uint32_t next)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < observer->geometry.descs; i++)
		count += !fits(observer, ring, next, i);
	return count;
}

/* The index nearest to (read) whose wrap counter is (wrap), plus how many descriptors have it. */
static uint32_t next_of(
    const struct observer *observer, const struct observed_ring *ring, uint16_t wrap)
{
	uint32_t descs = observer->geometry.descs, read = ring->receiver.read;
	int16_t rounds = (int16_t)(uint16_t)(wrap - wrap_of(observer, read));
	uint32_t next = read - read % descs + (uint32_t)(int32_t)rounds * descs;

	for (uint32_t i = 0; i < descs && wrap_at(observer, i) == wrap; i++)
		next++;
	return next;
}

/* The index of the sender's next message. */
static uint32_t next_find(
    const struct observer *observer, const struct observed_ring *ring, uint32_t *wrong)
{
	const uint32_t other[] = {next_of(observer, ring, wrap_at(observer, 0)),
	    next_of(observer, ring, (uint16_t)(wrap_at(observer, UINT32_MAX) + 1))};
	uint32_t next = ring->end;

	*wrong = misfits(observer, ring, next);
	for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		uint32_t count = misfits(observer, ring, other[i]);

		if (count < *wrong) {
			*wrong = count;
			next = other[i];
		}
	}
	return next;
}

/*
 * Whether the sender may have stored (start) for a generation that it is about to begin: no
 * descriptor carries its wrap counter (SPEC R6.3.1), and it is ahead. The one that is under way
 * began nobody knows where then.
 */
static bool is_coming(const struct observer *observer, const struct observed_ring *ring)
{
	uint32_t descs = observer->geometry.descs, start = ring->sender.start;
	uint32_t ahead = (start - ring->receiver.read) & (descs * 65536 - 1);
	/* The first generation's start is known; a sender mostly takes the next round for one. */
	bool is_first = start == 0 && ring->sender.generation == 0;

	if (ahead == 0 || ahead > (is_first ? 4 * descs : descs * 32768))
		return false;
	for (uint32_t i = 0; i < descs; i++)
		if (wrap_at(observer, i) == wrap_of(observer, start))
			return false;
	return true;
}

static void descriptor_add(const struct observer *observer, const struct observed_ring *ring,
    struct observe_findings *findings, enum observe_grade grade, uint32_t next, uint32_t i)
{
	uint32_t descs = observer->geometry.descs;
	/* The index that it has, or had last. */
	uint32_t index = next - next % descs + i - (i < next % descs ? 0 : descs);
	bool is_in_flight = index - ring->receiver.read < next - ring->receiver.read;
	struct observe_finding finding = {grade, "R7.4", "desc.control",
	    "the wrap counter is neither that of the message that was there, nor the next",
	    desc_offset(observer, ring, i), observer->desc[i].control, 8, ring->half[0].memory};

	if (is_in_flight) {
		finding.rule = "R6.6.3";
		finding.why = "the wrap counter is not that of the message in flight";
	} else if (i == next % descs) {
		finding.rule = "R7.9.2";
		finding.why = "the wrap counter is neither of this round nor of the one before";
	}
	observe_add(findings, &finding);
}

void observe_table(const struct observer *observer, const struct observed_ring *ring,
    struct observe_findings *findings)
{
	uint32_t read = ring->receiver.read, start = ring->sender.start, wrong;
	uint32_t next = next_find(observer, ring, &wrong);
	enum observe_grade grade = is_coming(observer, ring) ? OBSERVE_UNSURE : OBSERVE_BROKEN;
	struct observe_finding finding = {grade, "R7.5.4", "receiver.read",
	    "not between the oldest descriptor and the sender's next one",
	    ring->half[1].offset + RECEIVER_WORD(read), read, 4, ring->half[1].memory};

	/* Where hardly any two descriptors agree, nothing says which of them are wrong. */
	if (wrong > observer->geometry.descs / 2) {
		finding.rule = "R7.4";
		finding.word = "desc.control";
		finding.why =
		    "the wrap counters of most descriptors fit no index: this is the first";
		finding.offset = desc_offset(observer, ring, 0);
		finding.value = observer->desc[0].control;
		finding.size = 8;
		finding.memory = ring->half[0].memory;
		observe_add(findings, &finding);
		return;
	}
	if (next - read > observer->geometry.descs ||
	    (is_first_round(observer, ring, next) && next - read > next - start))
		observe_add(findings, &finding);
	for (uint32_t i = 0; i < observer->geometry.descs && wrong; i++)
		if (!fits(observer, ring, next, i)) {
			descriptor_add(observer, ring, findings, grade, next, i);
			wrong--;
		}
}
