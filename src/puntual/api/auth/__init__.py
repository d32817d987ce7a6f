"""Who may ask: API keys, their guard and their rate."""
