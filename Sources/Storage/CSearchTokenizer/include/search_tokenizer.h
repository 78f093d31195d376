#ifndef SEARCH_TOKENIZER_H
#define SEARCH_TOKENIZER_H

/// Registers the tokenizer `cjk61_v1` of FTS5 with one connection (`sqlite3 *`).
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

#endif
