#include "search_tokenizer.h"

#include "search_fit.h"

#include <sqlite3.h>
#include <stddef.h>
#include <time.h>

// A text is cut into pieces of two kinds. Code points of scripts without spaces become tokens here; what lies between
// them goes to unicode61, whose offsets are moved to where the piece began.

typedef struct {
    fts5_tokenizer words;
    Fts5Tokenizer *instance;
} Tokenizer;

typedef struct {
    void *context;
    int (*token)(void *, int, const char *, int, int, int);
    int base;
} Piece;

typedef struct {
    unsigned first;
    unsigned last;
} Range;

// Han, Kana, Hangul, Thai, Lao, Burmese, Khmer: letters, marks and digits, no punctuation. Ascending.
static const Range ranges[] = {
    {0x0E01, 0x0E3A}, {0x0E40, 0x0E4E}, {0x0E50, 0x0E59},    // Thai
    {0x0E81, 0x0EDF},                                        // Lao
    {0x1000, 0x1049}, {0x1050, 0x109D},                      // Burmese
    {0x1100, 0x11FF},                                        // Hangul Jamo
    {0x1780, 0x17D3}, {0x17D7, 0x17D7}, {0x17DC, 0x17E9},    // Khmer
    {0x2E80, 0x2FDF}, {0x3005, 0x3007}, {0x3021, 0x3029},    // radicals, iteration marks, numerals
    {0x3041, 0x3096}, {0x3099, 0x309A}, {0x309D, 0x309F},    // Hiragana
    {0x30A1, 0x30FA}, {0x30FC, 0x30FF}, {0x3105, 0x312F},    // Katakana, Bopomofo
    {0x3131, 0x318E}, {0x31A0, 0x31BF}, {0x31F0, 0x31FF},
    {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},                      // Han
    {0xA960, 0xA97C}, {0xA9E0, 0xA9FE}, {0xAA60, 0xAA7F},    // Jamo, Burmese extended
    {0xAC00, 0xD7FB},                                        // Hangul
    {0xF900, 0xFAFF},                                        // Han, compatible forms
    {0xFF66, 0xFF9F},                                        // narrow Katakana
    {0x1B000, 0x1B16F}, {0x20000, 0x3FFFF},                  // old Kana, further Han
};

static int stands_alone(unsigned point) {
    size_t low = 0, high = sizeof ranges / sizeof ranges[0];
    if (point < ranges[0].first) return 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ranges[middle].last < point) low = middle + 1;
        else high = middle;
    }
    return low < sizeof ranges / sizeof ranges[0] && ranges[low].first <= point;
}

// The code point at `at`; its length in bytes into `count`, always within the text. Broken UTF-8 gives 0 and one byte.
static unsigned point_at(const unsigned char *text, int bytes, int at, int *count) {
    unsigned first = text[at];
    int more = first >= 0xF0 && first < 0xF8 ? 3 : first >= 0xE0 && first < 0xF0 ? 2 : first >= 0xC0 && first < 0xE0 ? 1 : 0;
    *count = 1;
    if (more == 0) return first < 0x80 ? first : 0;
    if (more > bytes - at - 1) return 0;
    unsigned point = first & (0x3F >> more);
    for (int place = 1; place <= more; place++) {
        if ((text[at + place] & 0xC0) != 0x80) return 0;
        point = point << 6 | (text[at + place] & 0x3F);
    }
    *count = more + 1;
    return point;
}

static int take_word(void *context, int flags, const char *token, int bytes, int start, int end) {
    Piece *piece = context;
    return piece->token(piece->context, flags, token, bytes, start + piece->base, end + piece->base);
}

static int tokenize(
    Fts5Tokenizer *any, void *context, int flags, const char *text, int bytes,
    int (*token)(void *, int, const char *, int, int, int)
) {
    Tokenizer *tokenizer = (Tokenizer *)any;
    int begin = 0, at = 0;
    while (at < bytes) {
        int count = 0;
        if (!stands_alone(point_at((const unsigned char *)text, bytes, at, &count))) {
            at += count;
            continue;
        }
        if (at > begin) {
            Piece piece = {context, token, begin};
            int code = tokenizer->words.xTokenize(
                tokenizer->instance, &piece, flags, text + begin, at - begin, take_word);
            if (code != SQLITE_OK) return code;
        }
        int code = token(context, 0, text + at, count, at, at + count);
        if (code != SQLITE_OK) return code;
        at += count;
        begin = at;
    }
    if (at == begin) return SQLITE_OK;
    Piece piece = {context, token, begin};
    return tokenizer->words.xTokenize(tokenizer->instance, &piece, flags, text + begin, at - begin, take_word);
}

static void destroy(Fts5Tokenizer *any) {
    Tokenizer *tokenizer = (Tokenizer *)any;
    if (tokenizer == NULL) return;
    if (tokenizer->instance != NULL) tokenizer->words.xDelete(tokenizer->instance);
    sqlite3_free(tokenizer);
}

static int create(void *context, const char **arguments, int count, Fts5Tokenizer **out) {
    (void)arguments;
    (void)count;
    fts5_api *api = context;
    static const char *settings[] = {"remove_diacritics", "2"};
    void *words_context = NULL;
    Tokenizer *tokenizer = sqlite3_malloc(sizeof *tokenizer);
    if (tokenizer == NULL) return SQLITE_NOMEM;
    tokenizer->instance = NULL;
    int code = api->xFindTokenizer(api, "unicode61", &words_context, &tokenizer->words);
    if (code == SQLITE_OK) code = tokenizer->words.xCreate(words_context, settings, 2, &tokenizer->instance);
    if (code != SQLITE_OK) {
        sqlite3_free(tokenizer);
        return code;
    }
    *out = (Fts5Tokenizer *)tokenizer;
    return SQLITE_OK;
}

int search_tokenizer_register(void *connection) {
    sqlite3_stmt *statement = NULL;
    fts5_api *api = NULL;
    int code = sqlite3_prepare_v2(connection, "SELECT fts5(?1)", -1, &statement, NULL);
    if (code != SQLITE_OK) return code;
    code = sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", NULL);
    if (code == SQLITE_OK) sqlite3_step(statement);
    int end = sqlite3_finalize(statement);
    if (code != SQLITE_OK) return code;
    if (end != SQLITE_OK) return end;
    if (api == NULL || api->iVersion < 2) return SQLITE_ERROR;
    fts5_tokenizer tokenizer = {create, destroy, tokenize};
    code = api->xCreateTokenizer(api, "cjk61_v1", api, &tokenizer, NULL);
    return code == SQLITE_OK ? search_fit_register(api) : code;
}

static int is_late(void *context) {
    const long long *deadline = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec >= *deadline;
}

void search_deadline_set(void *connection, const long long *deadline) {
    // Some thousand steps of the virtual machine are some ten microseconds.
    sqlite3_progress_handler(connection, deadline == NULL ? 0 : 4096, deadline == NULL ? NULL : is_late, (void *)deadline);
}
