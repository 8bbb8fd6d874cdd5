"""What a carrier is answered when a call comes in: connect it to our websocket, to another number, or hang up."""
