"""Whether the server beside it is alive: the health check of the Dockerfile. Exit code 0 when it is.

    python tools/health.py

It asks where VOICEWIRE_HOST, VOICEWIRE_PORT and VOICEWIRE_TLS_CERT say, so an image is to be told these by the
environment, not by a file. The certificate is not checked, since it is made out to the name that others use.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection

TIMEOUT_S = 2.0
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where to reach what listens everywhere."""


def connection(environment: Mapping[str, str]) -> HTTPConnection:
    """To the server that has these variables; it is not opened yet."""
    host = environment.get("VOICEWIRE_HOST") or "127.0.0.1"
    host, port = ANY.get(host, host), int(environment.get("VOICEWIRE_PORT") or 8080)
    if not environment.get("VOICEWIRE_TLS_CERT"):
        return HTTPConnection(host, port, timeout=TIMEOUT_S)
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=TIMEOUT_S, context=tls)


def is_healthy(environment: Mapping[str, str]) -> bool:
    """Ask it."""
    asked = connection(environment)
    try:
        asked.request("GET", "/health")
        return asked.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        asked.close()


if __name__ == "__main__":
    sys.exit(not is_healthy(os.environ))
