"""What is finished lies in one place: drafts of the killed are not read, and one command at a time writes there."""

import pickle
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cluster_made import HereAlone
from puntual.errors import ClusterError, StorageError
from puntual.scale.cluster import Task
from puntual.scale.work_folder import WorkFolder, work_beside
from puntual.storage.s3 import Bucket

TABLE = pl.DataFrame({"flights": [1, 2]})


def add(_folder: WorkFolder, number: int) -> int:
    return number + 1


def test_a_task_is_carried_out_once_and_its_result_kept(here: HereAlone, tmp_path: Path) -> None:
    folder = WorkFolder(str(tmp_path))
    tasks = [Task(str(number), add, (number,)) for number in range(3)]
    assert folder.run(here, "sums", tasks[:2], int) == [1, 2]
    assert folder.run(here, "sums", tasks, int) == [1, 2, 3]
    assert here.carried_out == ["sums-0", "sums-1", "sums-2"]


class LosesTheNews(HereAlone):
    """Carries out what the largest worker shall, and is gone before anybody hears of it."""

    def run_on_largest(self, step: str, task: Any, *_: object) -> Any:
        super().run(step, [task])
        raise ClusterError("the scheduler is gone")


def test_a_fit_that_finished_counts_though_the_scheduler_is_gone(here: HereAlone, tmp_path: Path) -> None:
    folder, task = WorkFolder(str(tmp_path)), Task("fit", add, (1,))
    assert folder.run_on_largest(LosesTheNews(), "fit", task, int, "topic") == 2
    assert folder.run_on_largest(here, "fit", task, int, "topic") == 2
    assert here.carried_out == []


def test_a_fit_that_did_not_finish_is_an_error(tmp_path: Path) -> None:
    class Gone(HereAlone):
        def run_on_largest(self, *_: object) -> Any:
            raise ClusterError("the scheduler is gone")

    with pytest.raises(ClusterError, match="the scheduler is gone"):
        WorkFolder(str(tmp_path)).run_on_largest(Gone(), "fit", Task("fit", add, (1,)), int, "topic")


def test_the_draft_of_a_worker_that_was_killed_is_not_read(tmp_path: Path) -> None:
    folder = WorkFolder(str(tmp_path))
    folder.write("tails/0/JFK.parquet", TABLE)
    (tmp_path / "tails" / "0" / ".EWR.parquet.0123456789abcdef.tmp").write_bytes(b"PAR1")
    assert folder.names("tails/0") == ["tails/0/JFK.parquet"]
    read = folder.read_all(folder.names("tails/0"))
    assert read is not None and read.equals(TABLE)


def test_what_is_gone_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="expected what a finished task wrote"):
        WorkFolder(str(tmp_path)).read("flights/JFK.parquet")


def test_a_folder_is_removed_when_all_is_done_and_stays_when_not(here: HereAlone, tmp_path: Path) -> None:
    folder = work_beside(tmp_path / "out", None, "0123456789abcdefgh")
    with pytest.raises(KeyboardInterrupt), folder.shared_by(here):
        folder.write("flights.parquet", TABLE)
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == [folder.url.rpartition("/")[2]]
    with folder.shared_by(here):
        assert folder.read("flights.parquet").equals(TABLE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_a_bucket_that_was_used_can_be_sent_to_a_worker(bucket: str) -> None:
    folder = WorkFolder(f"{bucket}/parts")
    folder.write("flights.parquet", TABLE)
    sent: WorkFolder = pickle.loads(pickle.dumps(folder))
    assert sent.read("flights.parquet").equals(TABLE)


def test_files_of_a_bucket_are_written_and_read_several_at_once(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two requests neither goes on before the other is there."""
    folder = WorkFolder(f"{bucket}/parts")
    tables = {f"read/{number}.parquet": TABLE.with_columns(number=number) for number in range(4)}
    for name in ("write", "read"):
        both, one = threading.Barrier(2, timeout=60), getattr(Bucket, name)
        monkeypatch.setattr(
            Bucket, name, lambda self, *words, both=both, one=one: (both.wait(), one(self, *words))[1]
        )
    folder.write_each(tables)
    for table, expected in zip(folder.read_each(list(tables)), tables.values(), strict=True):
        assert table.equals(expected)
