"""Who starts tasks: a service starts none itself, it is given `spawn` by the call or the process that owns them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Work = Coroutine[Any, Any, None]
Task = asyncio.Task[None]
Spawn = Callable[[Work], Task]
RunSync = Callable[..., Coroutine[Any, Any, Any]]
"""Runs a plain function, with its arguments, in a thread of the process."""
