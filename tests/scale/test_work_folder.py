"""What is finished lies in one place: drafts of the killed are not read, and one command at a time writes there."""

import pickle
from pathlib import Path

import polars as pl
import pytest

from cluster_made import HereAlone
from puntual.errors import StorageError
from puntual.scale.cluster import Task
from puntual.scale.work_folder import WorkFolder, work_beside

TABLE = pl.DataFrame({"flights": [1, 2]})


def add(_folder: WorkFolder, number: int) -> int:
    return number + 1


def test_a_task_is_carried_out_once_and_its_result_kept(here: HereAlone, tmp_path: Path) -> None:
    folder = WorkFolder(str(tmp_path))
    tasks = [Task(str(number), add, (number,)) for number in range(3)]
    assert folder.run(here, "sums", tasks[:2], int) == [1, 2]
    assert folder.run(here, "sums", tasks, int) == [1, 2, 3]
    assert here.carried_out == ["sums-0", "sums-1", "sums-2"]


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
