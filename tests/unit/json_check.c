/* SPDX-License-Identifier: MIT */
#include "json_check.h"

#include "check.h"

#define PATH 128

static bool is_natural(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_address(const json_t *v)
{
	const char *text = json_string_value(v);

	return text && strncmp(text, "0x", 2) == 0 && text[2] &&
	       strspn(text + 2, "0123456789abcdef") == strlen(text + 2);
}

static bool is_of(const json_t *v, const char *type)
{
	size_t len = strcspn(type, "?");

	if (type[len] && json_is_null(v))
		return true;
#define IS(name) (len == strlen(name) && memcmp(type, name, len) == 0)
	if (IS("object"))
		return json_is_object(v);
	if (IS("array"))
		return json_is_array(v);
	if (IS("string"))
		return json_is_string(v);
	if (IS("boolean"))
		return json_is_boolean(v);
	if (IS("integer"))
		return is_natural(v);
	if (IS("address"))
		return is_address(v);
	if (IS("pair"))
		return json_array_size(v) == 2 && is_natural(json_array_get(v, 0)) &&
		       is_natural(json_array_get(v, 1));
#undef IS
	fail_msg("%s: no such type in a table", type);
	return false;
}

static const struct json_rule *rule_of(const char *path, const struct json_rule *rules,
				       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].path, path) == 0)
			return &rules[i];
	return NULL;
}

/* Each member that the table has directly below `path` is in the object. */
static void check_members(const json_t *object, const char *path, const struct json_rule *rules,
			  size_t count)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < count; i++) {
		const char *name = rules[i].path + len + (len != 0);

		if (strncmp(rules[i].path, path, len) != 0 || (len && rules[i].path[len] != '.') ||
		    !*rules[i].path || strpbrk(name, ".["))
			continue;
		if (!json_object_get(object, name))
			fail_msg("%s: no member %s", path, name);
	}
}

static void check(const json_t *v, const char *path, const struct json_rule *rules, size_t count)
{
	const struct json_rule *rule = rule_of(path, rules, count);
	char below[PATH];
	const char *name;
	json_t *member;
	size_t i;

	if (!rule)
		fail_msg("%s: not in the table", path);
	if (!is_of(v, rule->type)) {
		char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

		fail_msg("%s: no %s: %s", path, rule->type, text);
	}
	if (json_is_object(v)) {
		check_members(v, path, rules, count);
		json_object_foreach((json_t *)v, name, member)
		{
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", name);
			check(member, below, rules, count);
		}
	} else if (json_is_array(v) && strncmp(rule->type, "array", 5) == 0) {
		snprintf(below, sizeof(below), "%s[]", path);
		json_array_foreach(v, i, member) check(member, below, rules, count);
	}
}

void json_check(const json_t *document, const struct json_rule *rules, size_t count)
{
	check(document, "", rules, count);
}
