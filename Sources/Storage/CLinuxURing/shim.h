// features.h first: liburing.h defines _XOPEN_SOURCE 500, which changes glibc's fd_set and
// breaks the import of the module into Swift.
#include <features.h>
#include <liburing.h>
