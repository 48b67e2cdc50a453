/* SPDX-License-Identifier: MIT */
/* What a run came to: collected once as JSON, printed as JSON or as text made from it. */
#include "cli/run/stats.h"

#include "cli/json_make.h"
#include "cli/sandbox.h"
#include "kvm/stats.h"
#include "kvm/vendor.h"

#include <string.h>

static const char *const phases[STARTUP_PHASES] = {
	[STARTUP_BEGIN] = "options", [STARTUP_KVM] = "kvm",   [STARTUP_VM] = "vm",
	[STARTUP_MEMORY] = "memory", [STARTUP_VCPU] = "vcpu", [STARTUP_LOAD] = "load",
};

/* JSON's integers are signed; a guest may claim to have counted more than that. */
static json_t *count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *collect_exits(const struct history *h)
{
	json_t *by_reason = json_object();

	for (unsigned i = 0; i < KVM_EXIT_REASONS; i++)
		if (h->by_reason[i])
			by_reason = json_with(by_reason, kvm_exit_name(i), count(h->by_reason[i]));
	return json_pack("{s:o, s:o}", "total", count(h->total), "by_reason", by_reason);
}

/* The last of them in words, oldest first. */
static json_t *collect_last_exits(const struct history *h)
{
	json_t *list = json_array();
	char text[160];

	for (uint64_t i = h->total > HISTORY_LAST ? h->total - HISTORY_LAST : 0; i < h->total; i++)
		list = json_and(list, json_string(history_format(&h->last[i % HISTORY_LAST], text,
								 sizeof(text))));
	return list;
}

static json_t *collect_startup(const struct pn_machine *m, const struct sandbox *sandbox,
			       uint64_t begin_ns)
{
	json_t *o = json_object();
	uint64_t last = begin_ns;

	for (unsigned i = 0; i < STARTUP_PHASES; i++) {
		o = json_with(o, phases[i], count(m->startup_ns[i] - last));
		last = m->startup_ns[i];
	}
	o = json_with(o, "sandbox", count(sandbox->done_ns - last));
	last = sandbox->done_ns;
	if (m->vcpu.first_exit_ns) {
		o = json_with(o, "first_exit", count(m->vcpu.first_exit_ns - last));
		last = m->vcpu.first_exit_ns;
	}
	return json_with(o, "total", count(last - begin_ns));
}

static json_t *collect_kvm(int fd)
{
	json_t *o = json_object();
	struct kvm_stats s;

	int code = kvm_stats_read(fd, &s, NULL);

	/* A host without them is none without memory. */
	if (code == PN_ERR_NOMEM) {
		json_decref(o);
		return NULL;
	}
	if (code)
		return o;
	for (size_t i = 0; i < s.count; i++)
		o = json_with(o, s.stat[i].name, count(s.stat[i].value));
	kvm_stats_free(&s);
	return o;
}

static json_t *collect_flushes(const struct pn_guest_report *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "all", count(r->flush_all), "context",
			 count(r->flush_context), "range", count(r->flush_range), "page",
			 count(r->flush_page), "pcid", count(r->flush_pcid));
}

static json_t *collect_marks(const struct vcpu_marks *marks)
{
	return json_pack("{s:o, s:o, s:o}", "count", count(marks->count), "number",
			 count(marks->number), "value", count(marks->value));
}

static bool is_shadow(const struct pn_machine *m)
{
	return m->vcpu.deprivileged != NULL;
}

/* Shadow mode's own; all zero in hw mode. */
static json_t *collect_shadow(const struct pn_machine *m)
{
	struct shadow_stats s = {0};
	uint64_t guest_cr3 = 0, real_cr3 = 0;

	if (is_shadow(m)) {
		s = shadow_stats(m->vcpu.deprivileged->shadow);
		guest_cr3 = m->vcpu.deprivileged->cpu.cr3;
		real_cr3 = vcpu_sregs(&m->vcpu)->cr3;
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "guest_cr3", count(guest_cr3), "real_cr3", count(real_cr3), "filled",
			 count(s.filled), "foreseen", count(s.foreseen), "table_writes",
			 count(s.table_writes), "roots", count(s.roots), "frames_peak",
			 count(s.frames_peak), "reclaimed", count(s.reclaimed), "splits",
			 count(s.splits), "unsyncs", count(s.unsyncs), "mail_stores",
			 count(s.mail_stores), "mail_invlpg", count(s.mail_invlpg), "mail_flushes",
			 count(s.mail_flushes));
}

static json_t *collect_sandbox(const struct sandbox *s)
{
	char words[80];

	return json_pack("{s:b, s:b, s:i, s:i, s:s}", "privileges_dropped", s->given_up, "seccomp",
			 s->filtered, "landlock_abi", s->landlock_abi, "descriptors_closed",
			 (int)s->closed, "words", cli_sandbox_words(s, words, sizeof(words)));
}

int stats_collect(struct stats *stats, struct pn_machine *m, const struct pn_result *result,
		  const struct sandbox *sandbox, uint64_t begin_ns)
{
	struct pn_guest_report r = machine_guest_report(m);
	json_t *status = result->end == PN_END_STATUS ? json_integer(result->status) : json_null();

	stats->json = json_pack(
		"{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, "
		"s:o}}",
		"mode", m->config.mode == PN_MODE_SHADOW ? "shadow" : "hw", "host_paging",
		pn_paging_name(pn_host_paging(m)), "guest_status", status, "end", result->reason,
		"exits", collect_exits(&m->vcpu.history), "guest_faults", count(r.faults),
		"hidden_faults",
		count(is_shadow(m) ? shadow_stats(m->vcpu.deprivileged->shadow).hidden_faults : 0),
		"pt_writes", count(r.pt_writes), "cr3_loads", count(r.cr3_loads), "flushes",
		collect_flushes(&r), "toggles", count(m->vcpu.toggles), "marks",
		collect_marks(&m->vcpu.marks), "begin_ns", count(begin_ns), "startup_ns",
		collect_startup(m, sandbox, begin_ns), "kvm_stats", "vm", collect_kvm(m->vm),
		"vcpu", collect_kvm(m->vcpu.fd));
	stats->json = json_with(stats->json, "shadow", collect_shadow(m));
	stats->json = json_with(stats->json, "sandbox", collect_sandbox(sandbox));
	stats->json = json_with(stats->json, "last_exits", collect_last_exits(&m->vcpu.history));
	if (!stats->json)
		return PN_ERR_NOMEM;
	stats->was_stopped = result->end == PN_END_STOPPED || result->end == PN_END_MAX_EXITS;
	return PN_OK;
}

void stats_free(struct stats *stats)
{
	json_decref(stats->json);
	stats->json = NULL;
}

/* Prints the non-zero members of an object as "name value", wrapped before column 80. */
static void print_members(FILE *out, const char *title, json_t *object, double unit,
			  const char *unit_name)
{
	const int margin = 16;
	int column = fprintf(out, "%-*s", margin, title);
	const char *name;
	json_t *value;
	char item[96];

	json_object_foreach(object, name, value)
	{
		json_int_t n = json_integer_value(value);
		int len;

		if (!json_is_integer(value) || n == 0)
			continue;
		if (unit_name)
			len = snprintf(item, sizeof(item), "%s %.2f %s", name, (double)n / unit,
				       unit_name);
		else
			len = snprintf(item, sizeof(item), "%s %lld", name, (long long)n);
		if (column > margin && column + 2 + len > 79) {
			fprintf(out, ",\n%*s", margin, "");
			column = margin;
		}
		column += fprintf(out, "%s%s", column > margin ? ", " : "", item);
	}
	fputs(column > margin ? "\n" : "none\n", out);
}

/* Where a guest was that did not end by itself; a dead one's report has them. */
static void print_last_exits(FILE *out, const json_t *stats)
{
	const json_t *list = json_object_get(stats, "last_exits");
	size_t total = (size_t)json_integer_value(
		       json_object_get(json_object_get(stats, "exits"), "total")),
	       first = total - json_array_size(list);

	fprintf(out, "last exits\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(out, "  %zu %s\n", first + i + 1,
			json_string_value(json_array_get(list, i)));
}

void stats_print(const struct stats *stats, FILE *out)
{
	json_t *s = stats->json, *exits = json_object_get(s, "exits");
	json_t *kvm = json_object_get(s, "kvm_stats");
	json_t *guest = json_object();

	fprintf(out, "%-16s%s on %s\n", "mode", json_string_value(json_object_get(s, "mode")),
		json_string_value(json_object_get(s, "host_paging")));
	fprintf(out, "%-16s%s\n", "sandbox",
		json_string_value(json_object_get(json_object_get(s, "sandbox"), "words")));
	fprintf(out, "%-16s%s\n", "end", json_string_value(json_object_get(s, "end")));
	fprintf(out, "%-16s%lld\n", "exits",
		(long long)json_integer_value(json_object_get(exits, "total")));
	print_members(out, "  by reason", json_object_get(exits, "by_reason"), 1, NULL);
	json_object_set(guest, "faults", json_object_get(s, "guest_faults"));
	json_object_set(guest, "pt writes", json_object_get(s, "pt_writes"));
	json_object_set(guest, "CR3 loads", json_object_get(s, "cr3_loads"));
	print_members(out, "guest reports", guest, 1, NULL);
	json_decref(guest);
	print_members(out, "guest flushes", json_object_get(s, "flushes"), 1, NULL);
	if (json_integer_value(json_object_get(json_object_get(s, "shadow"), "real_cr3"))) {
		json_t *shadow = json_object_get(s, "shadow");

		fprintf(out, "%-16sguest's 0x%llx, real 0x%llx\n", "CR3",
			(long long)json_integer_value(json_object_get(shadow, "guest_cr3")),
			(long long)json_integer_value(json_object_get(shadow, "real_cr3")));
		json_object_del(shadow, "guest_cr3");
		json_object_del(shadow, "real_cr3");
		fprintf(out, "%-16s%lld\n", "hidden faults",
			(long long)json_integer_value(json_object_get(s, "hidden_faults")));
		print_members(out, "shadow", shadow, 1, NULL);
	}
	if (json_integer_value(json_object_get(s, "toggles")))
		fprintf(out, "%-16s%lld\n", "mode changes",
			(long long)json_integer_value(json_object_get(s, "toggles")));
	print_members(out, "KVM's VM", json_object_get(kvm, "vm"), 1, NULL);
	print_members(out, "KVM's vCPU", json_object_get(kvm, "vcpu"), 1, NULL);
	print_members(out, "start-up", json_object_get(s, "startup_ns"), 1e6, "ms");
	if (stats->was_stopped)
		print_last_exits(out, s);
}

int stats_print_json(const struct stats *stats, FILE *out)
{
	if (json_dumpf(stats->json, out, JSON_INDENT(2)))
		return -1;
	return fputc('\n', out) == EOF || fflush(out) ? -1 : 0;
}
