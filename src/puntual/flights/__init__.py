"""What a flight is: its fields and units, the bands of delay, the late rule, and the airports."""
