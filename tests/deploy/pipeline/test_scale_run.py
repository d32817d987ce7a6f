"""A run on many machines begins scheduler and workers, works with them by TLS alone, and leaves none behind."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from click.testing import Result

from deploy.pipeline.aws import Aws
from deploy.pipeline.errors import DeployError
from deploy.pipeline.scale_run import read_scale_stack
from deploy.rehearsal import members
from deploy.rehearsal.cloud import cloud
from deploy.rehearsal.scale_ecs import ScaleEcs, many_machines
from scale_made import CLIENT, FAILING, client_program
from stack_made import printed_json

IMAGE = f"example.org/puntual@sha256:{'b' * 64}"
SQUARES = str(sum(number * number for number in range(60)))


@pytest.fixture(scope="module")
def machines() -> Iterator[ScaleEcs]:
    with pytest.MonkeyPatch.context() as patched, cloud() as aws:
        aws.apply("puntual", {"GitHubRepository": "owner/puntual"}, registry="127.0.0.1:1")
        with many_machines(aws, members.start_process) as (environment, ecs):
            for name, value in environment.items():
                patched.setenv(name, value)
            yield ecs


@pytest.fixture
def scale(pipeline: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def call(program: str, *words: object) -> Result:
        monkeypatch.setitem(members.PROGRAMS, "puntual", client_program(program))
        return pipeline("scale", *words)

    return call


def test_the_stack_stands_with_services_that_want_no_task(machines):
    stack = read_scale_stack(Aws(), "puntual-scale")
    assert stack.scheduler_address == "tls://scheduler.puntual-scale.internal:8786"
    assert stack.scratch_url.endswith("/scale")
    assert len(stack.private_subnet_ids.split(",")) == 2
    names = [stack.scheduler_service, stack.worker_service]
    services = Aws().client("ecs").describe_services(cluster=stack.cluster_name, services=names)["services"]
    assert [(one["status"], one["desiredCount"]) for one in services] == [("ACTIVE", 0)] * 2
    assert (machines.scheduler.tasks, machines.workers.tasks) == ([], [])


@pytest.mark.usefixtures("machines")
def test_a_stack_that_is_another_is_not_taken_for_it():
    with pytest.raises(DeployError, match=r"apply deploy/aws/scale.yaml"):
        read_scale_stack(Aws(), "puntual")


def kill_a_worker(machines: ScaleEcs, killed: list[int]) -> None:
    """Take a machine away once the run has done a part of its work."""
    while not (machines.clients and "done 10" in machines.clients[-1].log()):
        time.sleep(0.05)
    killed.append(len(machines.workers.tasks))
    machines.workers.tasks[0].kill()


def test_a_run_goes_on_where_a_worker_is_killed_and_leaves_no_task_behind(machines, scale):
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_worker, args=(machines, killed))
    killer.start()
    result = scale(CLIENT, "--workers", "2", "--json", "--", "60")
    killer.join()
    assert printed_json(result) == {"version": SQUARES, "workers": "2"}
    assert killed == [2]
    assert "2 of 2 workers are there" in result.stderr
    assert "done 60" in result.stderr
    assert (machines.scheduler.tasks, machines.workers.tasks) == ([], [])
    assert machines.calls[-2:] == ["puntual-scale-worker 0", "puntual-scale-scheduler 0"]


def test_all_tasks_of_a_run_are_of_the_image_that_it_names(machines, scale):
    assert scale(CLIENT, "--workers", "1", "--image", IMAGE, "--", "1").exit_code == 0
    assert machines.images == {IMAGE}


def test_a_run_that_fails_tells_its_last_words_and_leaves_no_task_behind(machines, scale):
    result = scale(FAILING, "--workers", "1", "--", "60")
    assert result.exit_code == 1
    assert "the run failed (1)" in result.output
    assert "the table is not there" in result.output
    assert (machines.scheduler.tasks, machines.workers.tasks) == ([], [])


def test_a_run_that_takes_too_long_is_ended(machines, scale):
    result = scale("import time; time.sleep(600)", "--workers", "1", "--run-seconds", "0.5", "--", "60")
    assert result.exit_code == 1
    assert "was not done after 0 s" in result.output
    assert machines.clients[-1].exit_code() is not None
    assert (machines.scheduler.tasks, machines.workers.tasks) == ([], [])


def test_without_workers_in_time_nothing_is_asked_of_them(machines, scale, monkeypatch):
    clients = len(machines.clients)
    monkeypatch.setattr(machines.workers, "_start", lambda _: pytest.fail("no machine is to be had"))
    monkeypatch.setattr(machines.workers, "reconcile", lambda: None)
    result = scale(CLIENT, "--workers", "2", "--seconds", "0.2", "--", "60")
    assert result.exit_code == 1
    assert "there were no workers" in result.output
    assert len(machines.clients) == clients
    assert machines.scheduler.tasks == []


def test_more_workers_than_the_stack_allows_are_refused(machines, scale):
    before = list(machines.calls)
    result = scale(CLIENT, "--workers", "9", "--", "60")
    assert result.exit_code == 1
    assert "9 workers, and the stack allows 8" in result.output
    assert machines.calls == before


@pytest.mark.parametrize("words", [("--workers", "2"), ("--workers", "0", "--", "train")])
def test_workers_and_a_command_come_together(scale, words):
    result = scale(CLIENT, *words)
    assert result.exit_code == 2
    assert "--workers 0 alone to end what runs" in result.output


def test_no_workers_end_what_somebody_else_began(machines, scale):
    machines.certificates = dict.fromkeys(("ca", "cert", "key"), "none")
    result = scale(CLIENT, "--workers", "0", "--json")
    assert printed_json(result) == {"workers": "0"}
    assert machines.calls[-2:] == ["puntual-scale-worker 0", "puntual-scale-scheduler 0"]


def test_the_scheduler_speaks_to_nobody_without_a_certificate_of_the_run(machines, scale):
    seen: list[str] = []
    knocker = threading.Thread(target=knock, args=(machines, seen))
    knocker.start()
    result = scale(CLIENT, "--workers", "1", "--", "20")
    knocker.join()
    assert result.exit_code == 0, result.output
    assert seen == ["refused", "refused"]


def knock(machines: ScaleEcs, seen: list[str]) -> None:
    """Come to the scheduler with no certificate, and with no encryption at all."""
    before = len(machines.clients)
    while not (len(machines.clients) > before and "done 1" in machines.clients[-1].log()):
        time.sleep(0.05)
    host, _, port = machines.address.removeprefix("tls://").partition(":")
    context = ssl.create_default_context(cadata=machines.certificates["ca"])
    context.check_hostname = False
    for wrap in (lambda plain: context.wrap_socket(plain), lambda plain: plain):
        with socket.create_connection((host, int(port)), timeout=5) as plain:
            try:
                connection = wrap(plain)
                connection.sendall(b"hello" * 100)
                # Nothing, or an alert that ends the handshake.
                seen.append("refused" if connection.recv(1) in (b"", b"\x15") else "let in")
            except OSError:
                seen.append("refused")
