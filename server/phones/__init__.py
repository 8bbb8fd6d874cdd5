"""Telephones: what the carriers' webhooks are answered, and what the carriers are told about a call."""
