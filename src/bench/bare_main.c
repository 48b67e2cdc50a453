/* SPDX-License-Identifier: MIT */
/*
 * penumbra-bare: the yardstick as a process of its own, for `penumbra bench startup`. Makes a VM,
 * runs a guest that ends at once, prints the moments of starting up, ends.
 */
#include "bench/bare.h"

#include <stdio.h>
#include <time.h>

int main(void)
{
	/* mov $0, %eax; out %eax, $0xf4 */
	static const unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xe7, 0xf4};
	struct timespec t;
	struct bare b;

	if (bare_create(&b, code, sizeof(code)) || bare_run(&b, 1)) {
		perror("penumbra-bare");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	b.at[BARE_FIRST_EXIT] = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	for (unsigned i = 0; i < BARE_MOMENTS; i++)
		printf("%llu\n", (unsigned long long)b.at[i]);
	bare_destroy(&b);
	return 0;
}
