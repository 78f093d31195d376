#ifndef ROOST_CHECKSUM_H
#define ROOST_CHECKSUM_H
#include <stddef.h>
#include <stdint.h>
uint32_t roost_crc32c(uint32_t seed, const void *bytes, size_t count);
#endif
