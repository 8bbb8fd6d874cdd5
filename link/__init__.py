"""How the server talks to a provider: errors, backoff, websockets, worker processes."""
