"""A past day, played through the API: its events as they became known, and what was predicted at each horizon."""

from puntual.operations.replay.play import Replayed, replay
from puntual.operations.replay.played_day import PlayedDay, prepare_day
from puntual.operations.replay.service import ReplayService, connect, start

__all__ = ["PlayedDay", "ReplayService", "Replayed", "connect", "prepare_day", "replay", "start"]
