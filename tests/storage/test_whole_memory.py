"""How much memory a process may have: what the machine holds, less where a container allows less, whatever is free."""

from pathlib import Path

import pytest

from puntual.storage import whole_memory as module
from puntual.storage.whole_memory import whole_memory

PAGE, PAGES = 4096, 262_144


@pytest.fixture(autouse=True)
def a_machine_of_one_gibibyte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module.os, "sysconf", {"SC_PHYS_PAGES": PAGES, "SC_PAGE_SIZE": PAGE}.__getitem__)
    monkeypatch.setattr(module, "_CGROUPS", tmp_path)


def test_outside_a_container_it_is_all_that_the_machine_holds() -> None:
    assert whole_memory() == 2**30


def test_what_others_have_taken_for_the_moment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    read_text = Path.read_text

    def nearly_full(path: Path, *given: str) -> str:
        if path == Path("/proc/meminfo"):
            return "MemTotal: 1048576 kB\nMemFree: 1024 kB\nMemAvailable: 2048 kB\n"
        return read_text(path, *given)

    monkeypatch.setattr(Path, "read_text", nearly_full)
    assert whole_memory() == 2**30


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_in_a_container_it_is_what_that_may_use(file: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("300000000\n")
    assert whole_memory() == 300_000_000


def test_a_container_without_a_limit_or_with_a_larger_one_leaves_the_machine_s(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert whole_memory() == 2**30
