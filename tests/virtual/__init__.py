"""The real session, services, `websockets` and aiohttp in virtual time: hours of calls in seconds."""
