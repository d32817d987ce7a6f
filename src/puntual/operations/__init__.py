"""The journal: the append-only record of what was predicted."""
