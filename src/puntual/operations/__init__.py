"""The journal, an append-only record of predictions and events, and the board that follows it."""
