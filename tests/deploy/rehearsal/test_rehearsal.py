"""The parts of the rehearsal that need no container: what they stand in for, they do."""

import asyncio
import threading
import time

import httpx
import pytest

from deploy.rehearsal import machine
from deploy.rehearsal.balancer import Balancer
from deploy.rehearsal.hardened import HardeningError
from deploy.rehearsal.passing_on import tell
from deploy.rehearsal.served import served


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


def test_missing_tools_are_told_with_the_packages_that_have_them(monkeypatch):
    monkeypatch.setattr(machine, "TOOLS", {"no-such-tool": "its-package", "python3": "python3"})
    with pytest.raises(HardeningError, match=r"apt-get install --no-install-recommends its-package$"):
        machine.require_tools()


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
