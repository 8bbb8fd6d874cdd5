"""The commands of the command line, one file each: `add(parser)` says what it takes, `run(options)` does it."""
