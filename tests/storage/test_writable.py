"""Whether a place can be written to is known before the work begins, and the reason is the system's own."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments_made import made_table
from puntual.errors import StorageError
from puntual.storage import open_store, require_writable
from puntual.storage.os_errors import translate_os_errors
from puntual.training.train import train


def test_a_folder_that_can_be_written_to_is_made_and_left_empty(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "models")
    assert list((tmp_path / "new" / "models").iterdir()) == []


def test_a_bucket_that_can_be_written_to_is_left_empty(bucket: str) -> None:
    require_writable(f"{bucket}/models")
    assert open_store(f"{bucket}/models").names() == []


def test_a_bucket_that_is_not_there_is_named(s3: object) -> None:
    del s3
    with pytest.raises(StorageError, match=r"s3://no-such-bucket/models.*create the bucket"):
        require_writable("s3://no-such-bucket/models")


@pytest.mark.parametrize("place", ["registry", "reports"])
def test_training_does_not_begin_where_its_results_could_not_be_kept(tmp_path: Path, place: str) -> None:
    """A file stands in the place of the folder."""
    (tmp_path / "file").write_text("")
    places = {"registry": tmp_path / "models", "reports": tmp_path / "reports"} | {place: tmp_path / "file"}
    steps: list[str] = []
    with pytest.raises(StorageError, match=r"file/\.writable: .*(must be a folder|in its place)"):
        train(
            made_table(),
            registry=str(places["registry"]),
            reports=places["reports"],
            now=datetime(2026, 1, 1, tzinfo=UTC),
            progress=lambda step, *_: steps.append(step),
        )
    assert steps == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits and users of a process are POSIX")
@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))",
            "file too large; name a place that takes larger files",
        ),
        ("os.getuid() or os.setuid(65534)", "permission denied; let this user read and write it"),
    ],
    ids=["a full disk", "another's folder"],
)
def test_what_keeps_a_folder_from_being_written_to_is_told(tmp_path: Path, limit: str, reason: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir(mode=0o755 if os.getuid() == 0 or "FSIZE" in limit else 0o500)
    code = f"""
import os, resource, sys
from puntual.errors import StorageError
from puntual.storage import require_writable
{limit}
try:
    require_writable(sys.argv[1])
except StorageError as error:
    print(error)
"""
    # Whoever the process becomes must reach the folder by name.
    for parent in folder.parents:
        if parent.is_relative_to(tmp_path.parents[1]):
            parent.chmod(0o755)
    command = [sys.executable, "-c", code, str(folder)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output == f"{folder}/.writable: {reason}" + output.partition(reason)[2]
    assert list(folder.iterdir()) == []


def test_an_error_that_polars_raises_with_a_text_and_nothing_else_is_told_all_the_same() -> None:
    reason = "^models: no space left on device; make room there"
    with pytest.raises(StorageError, match=reason), translate_os_errors("models"):
        raise OSError("No space left on device (os error 28)")
