#!/usr/bin/env bash
# memcheck.sh PROGRAM [ARG]...: runs a program under valgrind; an error or a leak is a failure (99).
set -euo pipefail
exec valgrind --quiet --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,possible "$@"
