"""The day as it unfolds: events in, and the board of an airport out."""
