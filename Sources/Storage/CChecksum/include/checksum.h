#ifndef ROOST_CHECKSUM_H
#define ROOST_CHECKSUM_H
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720, appendix B.4).
///
/// `seed` is the checksum of what stands before `bytes`, or 0 at the beginning, so that
/// crc(crc(0, a), b) == crc(0, a then b). Any thread; `bytes` needs no alignment.
uint32_t roost_crc32c(uint32_t seed, const void *bytes, size_t count);

/// The same by table alone, for processors without the instruction and for the tests.
uint32_t roost_crc32c_portable(uint32_t seed, const void *bytes, size_t count);

/// 1 when `roost_crc32c` uses the processor's instruction.
int roost_crc32c_is_accelerated(void);
#endif
