/// Heap allocations of the whole process since its start: every malloc, calloc, realloc and aligned form.
#ifndef ROOST_ALLOCATIONS_H
#define ROOST_ALLOCATIONS_H
#include <stdint.h>
uint64_t roost_allocations(void);
#endif
