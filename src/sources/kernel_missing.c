/* SPDX-License-Identifier: MIT */
/* Source kernel in a build without libtracefs: it is refused. */
#include "error.h"
#include "sources/kernel.h"

static int check(struct pn_error *err)
{
	return pn_fail(err, PN_ERR_HOST_LACKS, "this program was built without libtracefs");
}

static int open_kernel(const struct source_context *c, void **state, struct pn_error *err)
{
	(void)c;
	*state = NULL;
	return check(err);
}

static void stop(void *state)
{
	(void)state;
}

const struct source_ops source_kernel = {
	.name = "kernel",
	.source = PN_SOURCE_KERNEL,
	.sees = SOURCE_KERNEL_SEES,
	.check = check,
	.open = open_kernel,
	.stop = stop,
};
