"""Asks a service about many real flights at once, checks its answers, and says how it bore up."""

from puntual.stress.results import Compared, Stressed
from puntual.stress.trial import Trial, run_trial

__all__ = ["Compared", "Stressed", "Trial", "run_trial"]
