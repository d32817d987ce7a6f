"""A run on many machines begins scheduler and workers, works with them by TLS alone, and leaves none behind."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner, Result

from deploy.pipeline.__main__ import deploy
from deploy.pipeline.aws import Aws
from deploy.pipeline.errors import DeployError
from deploy.pipeline.scale_run import read_scale_stack
from deploy.rehearsal import members
from deploy.rehearsal.cloud import cloud
from deploy.rehearsal.scale_ecs import ScaleEcs, many_machines
from scale_made import CLIENT, program
from stack_made import printed_json

IMAGE = f"example.org/puntual@sha256:{'b' * 64}"
SQUARES = str(sum(number * number for number in range(60)))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScaleEcs]:
    with pytest.MonkeyPatch.context() as patched, cloud() as aws:
        aws.apply("puntual", {"GitHubRepository": "owner/puntual"}, registry="127.0.0.1:1")
        start = members.Processes(tmp_path_factory.mktemp("members"))
        with many_machines(aws, start) as (environment, ecs):
            for name, value in environment.items():
                patched.setenv(name, value)
            yield ecs


def test_the_stack_stands_with_services_that_want_no_task(machines):
    stack = read_scale_stack(Aws(), "puntual-scale")
    assert stack.scheduler_address == "tls://scheduler.puntual-scale.internal:8786"
    assert stack.scratch_url.endswith("/scale")
    assert len(stack.private_subnet_ids.split(",")) == 2
    names = [stack.scheduler_service, stack.worker_service]
    services = Aws().client("ecs").describe_services(cluster=stack.cluster_name, services=names)["services"]
    assert [(one["status"], one["desiredCount"]) for one in services] == [("ACTIVE", 0)] * 2
    assert_nothing_runs(machines)


@pytest.mark.usefixtures("machines")
def test_a_stack_that_is_another_is_not_taken_for_it():
    with pytest.raises(DeployError, match=r"apply deploy/aws/scale.yaml"):
        read_scale_stack(Aws(), "puntual")


@dataclass
class Disturbed:
    """A run on two real workers of which one was killed, while strangers came to the scheduler."""

    result: Result
    killed_of: list[int] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def disturbed(machines: ScaleEcs) -> Disturbed:
    run = Disturbed(Result)
    disturbing = threading.Thread(target=disturb, args=(machines, run))
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(members.PROGRAMS, "puntual", program(CLIENT))
        disturbing.start()
        run.result = CliRunner().invoke(
            deploy, ["scale", "--workers", "2", "--run-seconds", "120", "--json", "--", "60"]
        )
        disturbing.join()
    return run


def disturb(machines: ScaleEcs, run: Disturbed) -> None:
    """Take a machine away once the run has done a part of its work, and knock at the scheduler's door."""
    while not (machines.clients and "done 10" in machines.clients[-1].log()):
        time.sleep(0.05)
    run.killed_of.append(len(machines.workers.tasks))
    machines.workers.tasks[0].kill()
    context = ssl.create_default_context(cadata=machines.certificates["ca"])
    context.check_hostname = False
    host, _, port = machines.address.removeprefix("tls://").partition(":")
    for wrap in (context.wrap_socket, lambda plain: plain):
        with socket.create_connection((host, int(port)), timeout=5) as plain:
            run.strangers.append(knock(plain, wrap))


def knock(plain: socket.socket, wrap: Callable[[socket.socket], socket.socket]) -> str:
    try:
        with wrap(plain) as connection:
            connection.sendall(b"hello" * 100)
            # Nothing, or an alert that ends the handshake.
            return "refused" if connection.recv(1) in (b"", b"\x15") else "let in"
    except OSError:
        return "refused"


def assert_nothing_runs(machines: ScaleEcs) -> None:
    assert (machines.scheduler.tasks, machines.workers.tasks) == ([], [])


def test_a_run_goes_on_where_a_worker_is_killed_and_leaves_no_task_behind(machines, disturbed):
    assert printed_json(disturbed.result) == {"version": SQUARES, "workers": "2"}
    assert disturbed.killed_of == [2]
    assert "2 of 2 workers are there" in disturbed.result.stderr
    assert "done 60" in disturbed.result.stderr
    assert_nothing_runs(machines)
    assert machines.calls[-2:] == ["puntual-scale-worker 0", "puntual-scale-scheduler 0"]


def test_the_scheduler_speaks_to_nobody_without_a_certificate_of_the_run(disturbed):
    # One with encryption and no certificate, one with neither.
    assert disturbed.strangers == ["refused", "refused"]


@pytest.fixture
def scale(pipeline: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a program as client, beside a scheduler and workers that do nothing."""

    def call(code: str, *words: object) -> Result:
        monkeypatch.setitem(members.PROGRAMS, "dask", program("import time; time.sleep(600)"))
        monkeypatch.setitem(members.PROGRAMS, "puntual", program(code))
        return pipeline("scale", *words)

    return call


def test_all_tasks_of_a_run_are_of_the_image_that_it_names(machines, scale):
    words = ("--workers", "1", "--run-seconds", "60", "--image", IMAGE)
    assert scale("", *words, "--", "train").exit_code == 0
    assert machines.images == {IMAGE}


def test_a_run_that_fails_tells_its_last_words_and_leaves_no_task_behind(machines, scale):
    words = ("--workers", "1", "--run-seconds", "60")
    result = scale("raise SystemExit('the table is not there')", *words, "--", "train")
    assert result.exit_code == 1
    assert "the run failed (1)" in result.output
    assert "the table is not there" in result.output
    assert_nothing_runs(machines)


def test_a_run_that_takes_too_long_is_ended(machines, scale):
    result = scale("import time; time.sleep(600)", "--workers", "1", "--run-seconds", "0.5", "--", "train")
    assert result.exit_code == 1
    assert "give it more --run-seconds" in result.output
    assert machines.clients[-1].exit_code() is not None
    assert_nothing_runs(machines)


def test_what_a_run_prints_as_json_is_understood_in_pieces_and_not_shown_whole(machines, scale):
    code = "print('{not json}'); print('{\"version\": \"12'); print('34\", \"card\": \"' + 'y' * 300_000 + '\"}')"
    result = scale(code, "--workers", "1", "--run-seconds", "60", "--json", "--", "train")
    assert printed_json(result) == {"version": "1234", "workers": "1"}
    # What a training prints is for programs; a log shows its beginning.
    assert len(result.stderr) < 2_000
    assert_nothing_runs(machines)


def test_without_workers_in_time_nothing_is_asked_of_them(machines, scale, monkeypatch):
    clients = len(machines.clients)
    monkeypatch.setattr(machines.workers, "reconcile", lambda: None)
    result = scale("", "--workers", "2", "--seconds", "0.2", "--", "train")
    assert result.exit_code == 1
    assert "there were no workers" in result.output
    assert len(machines.clients) == clients
    assert_nothing_runs(machines)


def test_more_workers_than_the_stack_allows_are_refused(machines, scale):
    before = list(machines.calls)
    result = scale("", "--workers", "9", "--", "train")
    assert result.exit_code == 1
    assert "9 workers, and the stack allows 8" in result.output
    assert machines.calls == before


@pytest.mark.parametrize("words", [("--workers", "2"), ("--workers", "0", "--", "train")])
def test_workers_and_a_command_come_together(scale, words):
    result = scale("", *words)
    assert result.exit_code == 2
    assert "--workers 0 alone to end what runs" in result.output


def test_no_workers_end_what_somebody_else_began(machines, scale):
    stack = read_scale_stack(Aws(), "puntual-scale")
    machines.certificates = dict.fromkeys(("ca", "cert", "key"), "none")
    assert scale("", "--workers", "0").exit_code == 0
    for service in (stack.scheduler_service, stack.worker_service):
        Aws().client("ecs").update_service(cluster=stack.cluster_name, service=service, desiredCount=1)
    assert (len(machines.scheduler.tasks), len(machines.workers.tasks)) == (1, 1)
    assert printed_json(scale("", "--workers", "0", "--json")) == {"workers": "0"}
    assert_nothing_runs(machines)
