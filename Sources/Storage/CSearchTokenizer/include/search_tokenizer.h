#ifndef SEARCH_TOKENIZER_H
#define SEARCH_TOKENIZER_H

/// Registers the tokenizer `cjk61_v1` of FTS5 with one connection (`sqlite3 *`), and the function `search_fit(table, wanted)`:
/// how well a row fits the first `wanted` phrases of the expression, 0 to 1,000,000; and `search_places(table)`: in how many
/// places of a row its phrases stand.
///
/// It is SQLite's `unicode61` with `remove_diacritics 2`, but for scripts that are written without spaces: there each
/// code point is a token, so that any piece of a text is found as a phrase. Tables name the tokenizer they were made
/// with; another rule needs another name.
///
/// - Returns: SQLITE_OK, or SQLite's error code; SQLITE_ERROR where FTS5 is missing.
int search_tokenizer_register(void *connection);

/// From now on statements of the connection fail with SQLITE_INTERRUPT once `deadline` (nanoseconds of
/// CLOCK_MONOTONIC) has passed. The pointer must stay good until it is taken back with NULL.
void search_deadline_set(void *connection, const long long *deadline);

/// Adds a message to the table of texts and to the index over it: a step of two prepared statements without anything
/// allocated for it.
///
/// - `add`: inserts id, place, author, has and text, in this order, and does nothing where the id is taken.
/// - `learn`: inserts the row's id and text into the index.
/// - `id`: the first id to try; where it is taken, the next one. Holds the message's id afterwards.
/// - `author`: 16 bytes.
/// - `text`: `bytes` of UTF-8. Needed until this returns, no longer.
///
/// Both statements are reset and keep no pointer. Returns SQLITE_OK, or SQLite's error code.
int search_rows_add(
    void *add, void *learn, long long *id, long long place, const void *author, long long has, const char *text,
    int bytes);

/// Has SQLite keep no count of its memory, in the whole process. Before anything else is done with SQLite.
///
/// Returns SQLITE_OK, or SQLITE_MISUSE where SQLite was used already: then nothing is changed.
int search_memory_uncounted(void);

#endif
