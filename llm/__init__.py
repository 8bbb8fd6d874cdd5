"""The language model: the conversation log, tools, the ledger of calls, the services."""
