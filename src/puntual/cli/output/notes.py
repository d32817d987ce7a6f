"""What a person should know of a table that was read, and of the predictions made for it, on standard error."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from puntual.cli.output.console import say
from puntual.prediction.warnings import WARNINGS
from puntual.registry.card_record import Omission
from puntual.sources import LeftOut


class Noted(Protocol):
    """What was left out of a table, and what is noted of it."""

    @property
    def left_out(self) -> Sequence[LeftOut | Omission]:
        """Rows that are not among its flights, by reason."""

    @property
    def notes(self) -> Sequence[str]:
        """What is noted for a person."""


def say_reading(table: Noted) -> None:
    """Say what was left out of a table, and what is noted of it."""
    for gone in table.left_out:
        say(f"left out: {gone.count:,} ({gone.reason}; first: {gone.example})")
    for note in table.notes:
        say(note)


def say_warnings(warned: Mapping[str, int]) -> None:
    """Say of how many flights something lies outside what the model knows, from their count by the warning's code."""
    for warning in WARNINGS:
        count = warned[warning.code]
        if count:
            say(f"{count:,} {'flight' if count == 1 else 'flights'}: {warning.message} ({warning.code})")
