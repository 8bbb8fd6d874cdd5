"""Who may come in by telephone: the carriers' signatures, and tickets for sockets that carry none."""
