#ifndef SEARCH_FIT_H
#define SEARCH_FIT_H

#include <sqlite3.h>

/// Registers the function `search_fit(table, wanted)` of FTS5: 0 to 1,000,000, the better the higher. Of the phrases of the
/// expression the first `wanted` count.
/// And `search_places(table)`: in how many places of a row the phrases of the expression stand.
int search_fit_register(fts5_api *api);

#endif
