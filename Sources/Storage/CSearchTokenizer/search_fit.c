#include "search_fit.h"

#include <stddef.h>

// How well a text fits, from nothing but itself and what is looked for: `search_fit(search, wanted)`.
//
//     of each wanted word    times / (times + 0.3 + words / 32)
//     fit                    their mean; with several words 4/5 of it, and 1/5 the share of neighbours that stand side by side
//
// in millionths and whole numbers, so that every node says the same. Neither how many messages there are nor in how many
// of them a word stands is asked: that would tell of messages that the reader may not see.

enum { one = 1000000, words_max = 16, times_max = 64, length_max = 4096 };

static void fit(
    const Fts5ExtensionApi *api, Fts5Context *row, sqlite3_context *result, int count, sqlite3_value **values
) {
    int wanted = count > 0 ? sqlite3_value_int(values[0]) : 0;
    if (wanted > api->xPhraseCount(row)) wanted = api->xPhraseCount(row);
    if (wanted > words_max) wanted = words_max;
    int instances = 0, length = 0;
    int code = api->xInstCount(row, &instances);
    if (code == SQLITE_OK) code = api->xColumnSize(row, 0, &length);
    // Those that are not wanted come behind those that are, and stand nowhere in what is found.
    long long times[words_max] = {0};
    int ends[words_max], neighbours[words_max] = {0};
    for (int word = 0; word < words_max; word++) ends[word] = -1;
    for (int instance = 0; code == SQLITE_OK && instance < instances; instance++) {
        int word = 0, column = 0, place = 0;
        code = api->xInst(row, instance, &word, &column, &place);
        if (code != SQLITE_OK || word < 0 || word >= wanted) continue;
        if (times[word] < times_max) times[word]++;
        ends[word] = place + api->xPhraseSize(row, word);
        if (word > 0 && ends[word - 1] == place) neighbours[word] = 1;
    }
    if (code != SQLITE_OK) {
        sqlite3_result_error_code(result, code);
        return;
    }
    if (length > length_max) length = length_max;
    long long sum = 0, pairs = 0;
    for (int word = 0; word < wanted; word++) {
        sum += times[word] * 320 * one / (times[word] * 320 + 96 + 10 * length);
        pairs += neighbours[word];
    }
    long long mean = wanted == 0 ? 0 : sum / wanted;
    sqlite3_result_int64(result, wanted < 2 ? mean : (4 * mean + pairs * one / (wanted - 1)) / 5);
}

// In how many places of a text what is looked for stands: `search_places(search)`.
static void places(
    const Fts5ExtensionApi *api, Fts5Context *row, sqlite3_context *result, int count, sqlite3_value **values
) {
    (void)count, (void)values;
    int instances = 0;
    int code = api->xInstCount(row, &instances);
    if (code == SQLITE_OK) sqlite3_result_int(result, instances);
    else sqlite3_result_error_code(result, code);
}

int search_fit_register(fts5_api *api) {
    int code = api->xCreateFunction(api, "search_fit", NULL, fit, NULL);
    return code == SQLITE_OK ? api->xCreateFunction(api, "search_places", NULL, places, NULL) : code;
}
