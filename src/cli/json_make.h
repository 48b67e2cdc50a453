/* SPDX-License-Identifier: MIT */
/*
 * JSON values made piece by piece: one for which memory ran out anywhere is NULL as a whole, so that
 * the caller need look but once, and nothing is printed with a part missing.
 */
#ifndef CLI_JSON_MAKE_H
#define CLI_JSON_MAKE_H

#include <jansson.h>

/* `object` with one member more, which it owns. NULL, and both let go, if either is or memory is out. */
static inline json_t *json_with(json_t *object, const char *name, json_t *value)
{
	if (object && json_object_set_new(object, name, value) == 0)
		return object;
	if (!object)
		json_decref(value);
	json_decref(object);
	return NULL;
}

/* The same of a list. */
static inline json_t *json_and(json_t *list, json_t *value)
{
	if (list && json_array_append_new(list, value) == 0)
		return list;
	if (!list)
		json_decref(value);
	json_decref(list);
	return NULL;
}

#endif
