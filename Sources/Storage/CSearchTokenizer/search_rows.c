#include "search_tokenizer.h"

#include <sqlite3.h>
#include <stddef.h>

// A text stays where it is until the step is over: SQLite makes no copy of it.
static int step(sqlite3_stmt *statement) {
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

int search_rows_add(
    void *add, void *learn, long long *id, long long place, const void *author, long long has, const char *text,
    int bytes
) {
    // Who used them last may have left them where they ended, and then nothing can be bound.
    sqlite3_reset(add);
    sqlite3_reset(learn);
    int code = sqlite3_bind_int64(add, 2, place);
    if (code == SQLITE_OK) code = sqlite3_bind_blob(add, 3, author, 16, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(add, 4, has);
    if (code == SQLITE_OK) code = sqlite3_bind_text(add, 5, text == NULL ? "" : text, bytes, SQLITE_STATIC);
    while (code == SQLITE_OK) {
        code = sqlite3_bind_int64(add, 1, *id);
        if (code == SQLITE_OK) code = step(add);
        if (code != SQLITE_OK || sqlite3_changes(sqlite3_db_handle(add)) > 0) break;
        *id += 1;
    }
    if (code == SQLITE_OK) code = sqlite3_bind_int64(learn, 1, *id);
    if (code == SQLITE_OK) code = sqlite3_bind_text(learn, 2, text == NULL ? "" : text, bytes, SQLITE_STATIC);
    if (code == SQLITE_OK) code = step(learn);
    sqlite3_clear_bindings(add);
    sqlite3_clear_bindings(learn);
    return code;
}

int search_memory_uncounted(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
