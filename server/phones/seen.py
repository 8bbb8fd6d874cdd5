"""A request of the web server as the door looks at it. The address is the configured one, whatever the headers say."""

from __future__ import annotations

from aiohttp import web

from server.door.request import Request


def seen(request: web.Request, public_url: str, body: bytes = b"") -> Request:
    """A request to `https://…`, or to `wss://…` where it asks for a websocket."""
    base = public_url.removesuffix("/")
    if request.headers.get("Upgrade", "").lower() == "websocket":
        base = base.replace("http", "ws", 1)
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    return Request(request.method, base, request.raw_path, headers, body, request.remote or "")
