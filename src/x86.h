#include "memory/x86.h"
