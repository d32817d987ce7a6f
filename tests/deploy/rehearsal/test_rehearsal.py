"""The parts of the rehearsal that need no container: what they stand in for, they do."""

import asyncio
import threading
import time
from contextlib import ExitStack

import httpx
import polars as pl
import pytest

from deploy.rehearsal import machine
from deploy.rehearsal.balancer import Balancer
from deploy.rehearsal.hardened import HardeningError
from deploy.rehearsal.passing_on import tell
from deploy.rehearsal.scale import compare, containers_of
from deploy.rehearsal.served import served
from deploy.rehearsal.stages import Stages


class Slow:
    """Answers after a while, and says how many it has answered."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.answered = seconds, 0

    async def __call__(self, scope, _receive, send):
        if scope["type"] == "http":
            await asyncio.sleep(self.seconds)
            self.answered += 1
            await tell(send, 200, [], b"late")


def test_a_target_that_leaves_answers_what_it_has_first():
    balancer, slow = Balancer(), Slow(0.5)
    with served(slow) as task, served(balancer) as url:
        target = balancer.add(task)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(httpx.get(url, trust_env=False)))
        asking.start()
        while not target.in_flight:
            time.sleep(0.01)
        balancer.drain(target)
        assert slow.answered == 1
        asking.join()
        assert answers[0].text == "late"
        assert httpx.get(url, trust_env=False).status_code == 503


def test_a_target_that_is_gone_is_a_bad_gateway():
    balancer = Balancer()
    balancer.add("http://127.0.0.1:1")
    with served(balancer) as url:
        assert httpx.get(url, trust_env=False).status_code == 502


def on_path(monkeypatch, *commands):
    """Have only these commands installed."""
    monkeypatch.setattr(
        "shutil.which", lambda command: f"/usr/bin/{command}" if command in commands else None
    )


def test_all_that_is_missing_is_named_at_once_with_one_command_to_install_it(monkeypatch):
    on_path(monkeypatch, "git", "make")
    with pytest.raises(
        HardeningError, match=r"install --no-install-recommends podman runc docker-registry debootstrap"
    ):
        machine.require_tools(stand_in=False)


def test_debootstrap_is_missing_only_where_the_base_image_has_to_be_made_up(monkeypatch):
    on_path(monkeypatch, *machine.TOOLS)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(machine, "_pulled", lambda _: False)
    monkeypatch.setattr(machine, "_here", lambda image: image == machine.BASE)
    machine.require_tools(stand_in=False)
    with pytest.raises(HardeningError, match=r"install --no-install-recommends debootstrap$"):
        machine.require_tools(stand_in=True)


def test_who_is_not_root_hears_so_together_with_what_is_missing(monkeypatch):
    on_path(monkeypatch, "git", "make", "podman", "runc")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(machine, "_here", lambda _: True)
    with pytest.raises(HardeningError, match=r"docker-registry; only root can .*; as root: make rehearse$"):
        machine.require_tools(stand_in=False)


def test_a_build_sees_settings_of_pip_and_certificates_of_this_machine_and_nothing_else(
    monkeypatch, tmp_path
):
    settings, certificates, wheels = tmp_path / "pip.conf", tmp_path / "ca.pem", tmp_path / "wheels"
    settings.write_text(f"[global]\nfind-links = {wheels}\ncert = {tmp_path / 'missing.pem'}\n")
    certificates.write_text("-----BEGIN CERTIFICATE-----\n")
    wheels.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("PIP_CERT", str(certificates))
    words = machine.build_arguments(machine.BASE).split()
    mounted = {word for word in words if word.startswith(str(tmp_path))}
    assert mounted == {f"{path}:{path}:ro" for path in (settings, certificates, wheels)}
    assert f"PYTHON={machine.BASE}" in words


def test_where_no_engine_runs_containers_it_says_what_many_machines_can_be_rehearsed_with(
    monkeypatch, tmp_path
):
    on_path(monkeypatch, "git", "make")
    with ExitStack() as opened, pytest.raises(HardeningError) as error:
        containers_of(opened, Stages(), tmp_path, tmp_path, stand_in=False)
    assert "install --no-install-recommends podman runc debootstrap" in str(error.value)
    assert str(error.value).endswith('without containers: make rehearse ARGS="scale --processes"')


@pytest.mark.parametrize("other", [0.1 + 0.2, None])
def test_vectors_that_differ_in_one_bit_or_are_missing_are_noticed(tmp_path, other):
    for folder, values in (("alone", [0.25, 0.3]), ("together", [0.25, other])):
        (tmp_path / folder / "JFK").mkdir(parents=True)
        file = tmp_path / folder / "JFK" / "2013-01.parquet"
        pl.DataFrame({"late": values}, schema={"late": pl.Float64}).write_parquet(file)
    compare(tmp_path / "alone", tmp_path / "alone")
    with pytest.raises(HardeningError, match="1 of 1 files differ, first"):
        compare(tmp_path / "alone", tmp_path / "together")
    (tmp_path / "together" / "JFK" / "2013-01.parquet").unlink()
    with pytest.raises(HardeningError, match="0 files were written, expected 1"):
        compare(tmp_path / "alone", tmp_path / "together")
