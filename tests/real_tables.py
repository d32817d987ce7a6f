"""Real tables, which no test may do without a reason: from `data/`, or the folder that TEST_DATA names."""

import os
from pathlib import Path

import pytest

# Not PUNTUAL_…: that prefix is the service's, which refuses a setting that it does not know.
FOLDER = Path(os.environ.get("TEST_DATA") or Path(__file__).parents[1] / "data")
SANTIAGO = FOLDER / "dataset_SCL.csv"
needs_santiago = pytest.mark.skipif(
    not SANTIAGO.is_file(), reason=f"{SANTIAGO.name} is not in {FOLDER.name}; TEST_DATA=FOLDER names another"
)
