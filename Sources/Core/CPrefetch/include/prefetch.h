#ifndef ROOST_PREFETCH_H
#define ROOST_PREFETCH_H

/// Asks the processor to bring the cache line at `address` near, and waits for nothing. Any address may be named, also one
/// where nothing is: no fault follows. Any thread.
static inline __attribute__((always_inline)) void roost_prefetch(const void *address) {
    __builtin_prefetch(address);
}
#endif
