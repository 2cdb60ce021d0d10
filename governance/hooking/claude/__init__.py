"""The hooks of Claude Code's client: what it sends and reads, for each host that runs it."""
