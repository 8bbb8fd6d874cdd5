"""The commands that one `handle` gives, collected by the parts of the core. Pure."""

from __future__ import annotations

from server.call.events import Command, Event, Notify


class Outbox:
    """Commands in the order in which they are to be carried out."""

    __slots__ = ("_commands",)

    def __init__(self) -> None:
        self._commands: list[Command] = []

    def emit(self, command: Command) -> None:
        """Give a command."""
        self._commands.append(command)

    def tell(self, event: Event) -> None:
        """Tell observers, the client and the agent's handlers."""
        self._commands.append(Notify(event))

    def take(self) -> list[Command]:
        """The commands so far; none of them is given twice."""
        commands, self._commands = self._commands, []
        return commands
