"""No name of a file leads out of the folder or bucket that it is asked of."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from puntual.cli import main
from puntual.errors import StorageError
from puntual.storage import FileStat, Store, open_store

OUTSIDE = (
    "../x.csv",
    "a/../../x.csv",
    "..",
    "/tmp/x.csv",
    "a//x.csv",
    "C:x.csv",
    "..\\x.csv",
    "x\x00.csv",
    "./x.csv",
)
ASK: dict[str, Callable[[Store, str], object]] = {
    "read": lambda store, name: store.read(name),
    "names": lambda store, name: store.names(name),
    "stat": lambda store, name: store.stat(name),
    "write": lambda store, name: store.write(name, b"x"),
    "create": lambda store, name: store.create(name, b"x"),
    "swap": lambda store, name: store.swap(name, None, b"x"),
    "remove": lambda store, name: store.remove(name),
    "pieces": lambda store, name: list(store.pieces(name)),
    "receive": lambda store, name: store.receive(
        name, FileStat.of(b"x"), iter([b"x"]), lambda _: None, new=True
    ),
}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize("url", ["folder", "s3://bucket/data"])
def test_a_name_that_leads_out_is_refused_whatever_is_asked(
    tmp_path: Path, url: str, ask: str, name: str
) -> None:
    store = open_store(tmp_path / url if url == "folder" else url)
    with pytest.raises(StorageError, match=r"leads out of .*; name a file in it"):
        ASK[ask](store, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["flights.csv", "a/b.csv", "..hidden", "12:30.csv", "vuelos año 2023.csv"])
def test_any_other_name_is_taken(tmp_path: Path, name: str) -> None:
    store = open_store(tmp_path)
    store.write(name, b"x")
    assert store.read(name) == b"x"


@pytest.mark.parametrize(("word", "option"), [("pull", "--from"), ("push", "--to")])
def test_data_is_copied_to_no_place_outside(tmp_path: Path, word: str, option: str) -> None:
    for folder in ("there/data", "here/data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "there" / "x.csv").write_text("theirs")
    (tmp_path / "here" / "x.csv").write_text("mine")
    there, here = str(tmp_path / "there" / "data"), str(tmp_path / "here" / "data")
    words = ["data", word, "../x.csv", option, there, "--folder", here, "--force"]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, "'../x.csv': leads out of" in result.output) == (1, True)
    assert (tmp_path / "there" / "x.csv").read_text() == "theirs"
    assert (tmp_path / "here" / "x.csv").read_text() == "mine"


def test_an_object_whose_key_leads_out_is_not_pulled(bucket: str, s3: object, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket[5:], Key="..\\x.csv", Body=b"theirs")  # type: ignore[attr-defined]
    words = ["data", "pull", "--from", bucket, "--folder", str(tmp_path)]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, "leads out of" in result.output) == (1, True)
    assert list(tmp_path.iterdir()) == []
