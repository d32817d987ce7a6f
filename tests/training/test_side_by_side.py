"""Pieces of work are done side by side, and come back as if they had been done one after another."""

import threading
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from puntual.features.vector import COLUMNS
from puntual.training import side_by_side as module
from puntual.training.candidates import Candidate, Treatment, build
from puntual.training.side_by_side import is_beside_others, side_by_side, unfinished_fits_allowed


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 2)


def test_two_pieces_are_at_work_at_the_same_time_and_results_stand_in_the_order_of_the_pieces() -> None:
    met = threading.Barrier(2, timeout=30)

    def meet(piece: int) -> int:
        met.wait()
        return piece * piece

    assert side_by_side(meet, [3, 2, 1, 0]) == [9, 4, 1, 0]


def test_pieces_within_a_piece_are_done_by_its_own_thread() -> None:
    def threads_of(_: int) -> set[str]:
        return {
            threading.current_thread().name,
            *side_by_side(lambda _: threading.current_thread().name, [0, 1]),
        }

    assert [len(threads) for threads in side_by_side(threads_of, [0, 1])] == [1, 1]


def test_each_piece_is_told_as_it_begins_in_order() -> None:
    begun: list[int] = []
    side_by_side(lambda piece: piece, range(20), begun.append)
    assert begun == list(range(20))


@pytest.mark.parametrize("cores", [1, 2])
def test_what_fails_is_raised_and_nothing_more_is_begun(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: cores)
    begun: list[int] = []
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda piece: 1 // piece, [0] * 50, begun.append)
    assert len(begun) <= cores


def test_a_fit_beside_others_has_one_thread_and_the_only_one_has_more() -> None:
    def threads(_: int = 0) -> int:
        lightgbm = build(Candidate("lightgbm", Treatment.NONE), np.arange(len(COLUMNS)), 60_000)
        return int(lightgbm.get_params()["n_jobs"])

    assert threads() == 2 and side_by_side(threads, [0, 1]) == [1, 1]
    assert not is_beside_others()


def test_a_fit_that_is_not_finished_is_no_warning_beside_others_either() -> None:
    def unfinished(_: int) -> None:
        with unfinished_fits_allowed():
            warnings.warn("not converged", ConvergenceWarning, stacklevel=1)

    side_by_side(unfinished, range(200))
    with pytest.raises(ConvergenceWarning):
        warnings.warn("not converged", ConvergenceWarning, stacklevel=1)
