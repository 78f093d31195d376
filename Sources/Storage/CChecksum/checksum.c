#include "checksum.h"
#include <string.h>

// Eight tables ("slicing by eight"): table[k][b] is the remainder of byte b followed by k zero bytes.
static uint32_t table[8][256];

// Runs before main, hence before any thread that could read the tables.
__attribute__((constructor)) static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t remainder = byte;
        for (int bit = 0; bit < 8; bit++) {
            remainder = (remainder >> 1) ^ (0x82F63B78u & (0u - (remainder & 1)));
        }
        table[0][byte] = remainder;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int slice = 1; slice < 8; slice++) {
            uint32_t before = table[slice - 1][byte];
            table[slice][byte] = (before >> 8) ^ table[0][before & 0xFF];
        }
    }
}

uint32_t roost_crc32c_portable(uint32_t seed, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    uint32_t crc = ~seed;
    while (count >= 8) {
        uint32_t low = crc ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16 | (uint32_t)next[3] << 24);
        crc = table[7][low & 0xFF] ^ table[6][(low >> 8) & 0xFF] ^ table[5][(low >> 16) & 0xFF] ^ table[4][low >> 24]
            ^ table[3][next[4]] ^ table[2][next[5]] ^ table[1][next[6]] ^ table[0][next[7]];
        next += 8;
        count -= 8;
    }
    while (count-- > 0) {
        crc = (crc >> 8) ^ table[0][(crc ^ *next++) & 0xFF];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t seed, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    uint64_t crc = (uint32_t)~seed;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = _mm_crc32_u64(crc, word);
        next += 8;
        count -= 8;
    }
    while (count-- > 0) {
        crc = _mm_crc32_u8((uint32_t)crc, *next++);
    }
    return ~(uint32_t)crc;
}

int roost_crc32c_is_accelerated(void) { return __builtin_cpu_supports("sse4.2") != 0; }

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t crc32c_hardware(uint32_t seed, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    uint32_t crc = ~seed;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __crc32cd(crc, word);
        next += 8;
        count -= 8;
    }
    while (count-- > 0) {
        crc = __crc32cb(crc, *next++);
    }
    return ~crc;
}

int roost_crc32c_is_accelerated(void) { return 1; }

#else

static uint32_t crc32c_hardware(uint32_t seed, const void *bytes, size_t count) {
    return roost_crc32c_portable(seed, bytes, count);
}

int roost_crc32c_is_accelerated(void) { return 0; }

#endif

uint32_t roost_crc32c(uint32_t seed, const void *bytes, size_t count) {
    return roost_crc32c_is_accelerated() ? crc32c_hardware(seed, bytes, count)
                                         : roost_crc32c_portable(seed, bytes, count);
}
