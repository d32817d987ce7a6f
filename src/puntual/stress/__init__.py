"""Asks a service about many real flights at once, checks its answers, and gives the load-test results."""

from puntual.stress.results import RivalResult, StressResult
from puntual.stress.trial import Trial, run_trial

__all__ = ["RivalResult", "StressResult", "Trial", "run_trial"]
