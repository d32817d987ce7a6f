"""Measurements of what Puntual promises; `make bench` runs them all."""
