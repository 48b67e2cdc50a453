/* SPDX-License-Identifier: MIT */
/*
 * The one place that changes an entry of the pool, by the rule of the mailbox. s->want holds every
 * entry as it will be; an entry of the pool that is 0 may be stored to here and now, everything
 * else is queued for the monitor.
 *
 * Why "the pool holds 0" is enough to know: mail is posted only for entries that are not 0 in the
 * pool, and they stay so until the monitor does the mail. So no mail can be under way for an entry
 * that is 0, whether the box has been carried out or not.
 */
#include "memory/shadow/private.h"

static uint64_t pool_load(const struct shadow *s, uint32_t e)
{
	return __atomic_load_n(&s->config.pool[e], __ATOMIC_RELAXED);
}

/* 0 -> present. Released: what a link points to is there before the link. */
static void pool_store(struct shadow *s, uint32_t e, uint64_t value)
{
	__atomic_store_n(&s->config.pool[e], value, __ATOMIC_RELEASE);
}

static void queue(struct shadow *s, uint32_t f, unsigned i)
{
	struct frame *frame = &s->frame[f];

	frame->dirty[i / 64] |= UINT64_C(1) << i % 64;
	if (frame->queued)
		return;
	frame->queued = true;
	frame->queue_next = s->queue;
	s->queue = f;
}

void mail_set(struct shadow *s, uint32_t f, unsigned i, uint64_t value)
{
	uint32_t e = f * ENTRIES + i;
	uint64_t old = s->want[e];

	if (value == old)
		return;
	s->want[e] = value;
	s->frame[f].used = (uint16_t)(s->frame[f].used + (value != 0) - (old != 0));
	if (pool_load(s, e)) {
		s->tlb_behind = true;
		queue(s, f, i);
	} else if (value) {
		pool_store(s, e, value);
	}
}

void mail_invlpg(struct shadow *s, gva_t gva)
{
	if (s->invlpg_count == INVLPG_MAX)
		s->flush_all = true;
	else
		s->invlpg[s->invlpg_count++] = gva;
}

void mail_flush_all(struct shadow *s)
{
	s->flush_all = true;
}

static bool put(struct mailbox *box, enum mail_kind kind, uint64_t where, uint64_t value)
{
	if (box->count == MAIL_MAX)
		return false;
	box->mail[box->count++] = (struct mail){.kind = kind, .where = where, .value = value};
	return true;
}

static bool is_dirty(const struct frame *frame, unsigned i)
{
	return frame->dirty[i / 64] >> i % 64 & 1;
}

/* Whether an entry is to become 0 and has not yet. */
static bool to_zero(const struct shadow *s, uint32_t f, unsigned i)
{
	uint32_t e = f * ENTRIES + i;

	return is_dirty(&s->frame[f], i) && !s->want[e] && pool_load(s, e);
}

/* Posts for the entry i, and those after it if they are to become 0 as well. Returns how many, or 0
 * if the box is full. */
static unsigned post_run(struct shadow *s, uint32_t f, unsigned i, struct mailbox *box)
{
	gpa_t where = frame_gpa(s, f) + i * sizeof(uint64_t);
	uint32_t e = f * ENTRIES + i;
	unsigned run = 1;

	if (!pool_load(s, e)) {
		if (s->want[e])
			pool_store(s, e, s->want[e]);
		return 1;
	}
	while (to_zero(s, f, i) && i + run < ENTRIES && to_zero(s, f, i + run))
		run++;
	if (!(run > 1 ? put(box, MAIL_ZERO, where, run) : put(box, MAIL_STORE, where, s->want[e])))
		return 0;
	s->stats.mail_stores++;
	return run;
}

static bool post_frame(struct shadow *s, uint32_t f, struct mailbox *box)
{
	struct frame *frame = &s->frame[f];

	for (unsigned word = 0; word < ENTRIES / 64; word++) {
		while (frame->dirty[word]) {
			unsigned i = word * 64 + (unsigned)__builtin_ctzll(frame->dirty[word]);
			unsigned run = post_run(s, f, i, box);

			if (!run)
				return false;
			for (; run; run--, i++)
				frame->dirty[i / 64] &= ~(UINT64_C(1) << i % 64);
		}
	}
	return true;
}

/* The TLB is told last: only then does it find everything as it is to be. */
static void post_flush(struct shadow *s, struct mailbox *box)
{
	if (s->flush_all) {
		if (!put(box, MAIL_FLUSH_ALL, 0, 0))
			return;
		s->stats.mail_flushes++;
		s->flush_all = s->tlb_behind = s->tlb_stale = false;
		s->invlpg_count = 0;
		return;
	}
	while (s->invlpg_count && put(box, MAIL_INVLPG, s->invlpg[s->invlpg_count - 1], 0)) {
		s->invlpg_count--;
		s->stats.mail_invlpg++;
	}
}

void mail_post_waiting(struct shadow *s, struct mailbox *box)
{
	while (s->queue != NONE) {
		struct frame *frame = &s->frame[s->queue];

		if (!post_frame(s, s->queue, box))
			return;
		frame->queued = false;
		s->queue = frame->queue_next;
	}
	post_flush(s, box);
}
