"""Puntual says how late a scheduled flight is likely to be, from a table of past flights."""
