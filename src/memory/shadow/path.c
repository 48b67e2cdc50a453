/* SPDX-License-Identifier: MIT */
/* One GVA's way through the real tables. */
#include "memory/shadow/path.h"

#include "memory/shadow/private.h"

/* Whether an entry points to a frame of the pool. */
static bool in_pool(const struct shadow *s, uint64_t entry)
{
	return ((entry & SPTE_ADDRESS) - s->config.pool_gpa) >> PAGE_SHIFT < s->config.pool_frames;
}

static enum shadow_path_end step(const struct shadow *s, struct shadow_path *path, uint32_t *f,
				 gva_t gva, unsigned level)
{
	struct shadow_step *to = &path->step[path->count++];
	unsigned i = index_of(gva, level);

	*to = (struct shadow_step){
		.gpa = frame_gpa(s, *f) + i * sizeof(uint64_t),
		.entry = __atomic_load_n(&s->config.pool[*f * ENTRIES + i], __ATOMIC_RELAXED),
		.wanted = want(s, *f, i),
		.index = (uint16_t)i,
		.level = (uint8_t)level,
	};
	if (level == s->config.levels && i == s->config.monitor_slot)
		return SHADOW_PATH_MONITOR;
	if (!(to->entry & PTE_PRESENT))
		return SHADOW_PATH_ABSENT;
	if (is_leaf(to->entry, level)) {
		path->shift = (uint8_t)shift_of(level);
		path->gpa = leaf_gpa(to->entry, level) | (gva & ((UINT64_C(1) << path->shift) - 1));
		return SHADOW_PATH_PAGE;
	}
	if (!in_pool(s, to->entry))
		return SHADOW_PATH_ASTRAY;
	*f = frame_of(s, to->entry);
	return SHADOW_PATH_NO_ROOT;
}

void shadow_path(struct shadow *s, const struct walk_context *ctx, enum shadow_view view, gva_t gva,
		 struct shadow_path *path)
{
	const struct shadow_root *root = root_find(s, ctx);
	uint32_t f = root ? root->frame[view] : NONE;

	*path = (struct shadow_path){.end = SHADOW_PATH_NO_ROOT};
	if (f == NONE)
		return;
	path->root = frame_gpa(s, f);
	for (unsigned level = s->config.levels; path->end == SHADOW_PATH_NO_ROOT; level--)
		path->end = step(s, path, &f, gva, level);
}

const char *shadow_path_end_name(enum shadow_path_end end)
{
	static const char *const name[] = {
		[SHADOW_PATH_NO_ROOT] = "no tables: nobody has looked through this view yet",
		[SHADOW_PATH_PAGE] = "a page",
		[SHADOW_PATH_ABSENT] = "entry not present: the next access comes to Penumbra",
		[SHADOW_PATH_MONITOR] = "the monitor's own slot, out of the guest's reach",
		[SHADOW_PATH_ASTRAY] = "an entry that leads out of the shadow's tables",
	};

	return name[end];
}

const char *shadow_view_name(enum shadow_view view)
{
	static const char *const name[SHADOW_VIEWS] = {
		[SHADOW_KERNEL] = "kernel",
		[SHADOW_KERNEL_AC] = "kernel with AC",
		[SHADOW_USER] = "user",
	};

	return name[view];
}
