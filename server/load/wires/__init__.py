"""The other side of the wires: each speaks as its carrier does."""
