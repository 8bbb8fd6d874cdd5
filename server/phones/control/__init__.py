"""What the carriers are told about a call through their REST interfaces: hang up, transfer, send digits, dial."""
