"""Large matrices lie in a file that memory maps: the same bits, no room taken that is not there, and nothing left."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments_made import QUICK, made_experiments
from puntual.errors import StorageError
from puntual.features.states import CONDITIONS, STATES
from puntual.storage import scratch
from puntual.training.experiment import Experiment
from puntual.training.fitting import FittedModel, fit_on
from puntual.training.onnx_export import convert


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The experiment anew, whose matrices are all mapped and made 300 rows at a time."""
    monkeypatch.setattr(scratch, "CHUNK", 300)
    monkeypatch.setattr(scratch, "MOST_IN_MEMORY", 0)
    return made_experiments()[0]


def same_bits(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def test_vectors_made_in_chunks_and_mapped_have_the_same_bits(
    by_time: Experiment, mapped: Experiment
) -> None:
    rows = by_time.split.train
    whole, parted = by_time.vectors(rows), mapped.vectors(rows)
    same_bits(parted.full(rows), whole.full(rows))
    for condition in CONDITIONS:
        same_bits(parted.under(condition, rows), whole.under(condition, rows))
    for state in STATES:
        same_bits(parted.for_fitting(state, rows), whole.for_fitting(state, rows))
    horizon = np.where(rows % 2, 60, 720)
    hidden = rows % 3 == 0
    same_bits(parted.live(rows, horizon, hidden), whole.live(rows, horizon, hidden))
    np.testing.assert_array_equal(parted.recent_rates(rows), whole.recent_rates(rows))


def test_a_model_fitted_on_mapped_vectors_is_the_same_to_the_byte(
    by_time: Experiment, mapped: Experiment
) -> None:
    def fitted(experiment: Experiment) -> FittedModel:
        return fit_on(experiment, QUICK, experiment.split.train)

    one, other = fitted(by_time), fitted(mapped)
    assert convert(one.experts) == convert(other.experts)
    holdout = one.predict_holdout(by_time.split.validation)
    again = other.predict_holdout(by_time.split.validation)
    np.testing.assert_array_equal(holdout.probabilities, again.probabilities)
    assert one.calibrated([holdout]).calibration == other.calibrated([again]).calibration


def test_a_full_disk_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(
        StorageError,
        match=r"no space left on device; expected room for the vectors of 20,000,000 flights, 8\.0 GB",
    ):
        scratch.empty(20_000_000, 100)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_process_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from puntual.storage import scratch; matrix = scratch.empty(200_000, 100); matrix[:] = 1;"
        "print(int(matrix.sum()), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "20000000\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and list(tmp_path.iterdir()) == []
