"""The websocket server: the call, the wires, the application, the command line."""

__version__ = "0.1.0"
