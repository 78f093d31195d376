"""httpx without TLS, for nodes that are asked in plain text.

For every client that it makes, httpx reads the system's certificates: 25 ms of a core, which is more than most answers
take. These clients share one context, which trusts nobody.
"""
import ssl
from functools import partial

import httpx

_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Client = partial(httpx.Client, verify=_NOBODY)
request = partial(httpx.request, verify=_NOBODY)
get = partial(httpx.get, verify=_NOBODY)
post = partial(httpx.post, verify=_NOBODY)
