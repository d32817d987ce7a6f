"""What a person should know of predictions, beside the table that holds them."""

from puntual.cli.output.console import say
from puntual.prediction.predictions import Predictions
from puntual.prediction.warnings import BITS, WARNINGS


def say_warnings(predictions: Predictions) -> None:
    """Tell, on standard error, of how many flights something lies outside what the model knows."""
    for warning in WARNINGS:
        count = int((predictions.warnings & BITS[warning.code] > 0).sum())
        if count:
            say(f"{count:,} {'flight' if count == 1 else 'flights'}: {warning.message} ({warning.code})")
