#include "checksum.h"
uint32_t roost_crc32c(uint32_t seed, const void *bytes, size_t count) { (void)bytes; (void)count; return seed; }
