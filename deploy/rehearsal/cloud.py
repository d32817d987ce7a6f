"""Stands in for AWS: moto, with an ECS in front of it that really runs tasks."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import httpx

from deploy.rehearsal.balancer import Balancer
from deploy.rehearsal.ecs import Ecs, Start
from deploy.rehearsal.passing_on import ask, read_body, tell
from deploy.rehearsal.served import free_port, served
from deploy.rehearsal.stack import REGION, create

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "rehearsal", "AWS_SECRET_ACCESS_KEY": "rehearsal"}


class Front:
    """An ASGI application that answers what a service of ECS is asked, and passes all else on to moto.

    moto gives the load balancer and the repository addresses of AWS; `addresses` says where they are here. It makes
    no secrets for a stack either, and forgets which one a task definition names; `secrets` holds them by variable.
    """

    def __init__(self, moto: str) -> None:
        self._moto = moto
        self.ecs: Ecs | None = None
        self.addresses: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one call of the AWS API."""
        if scope["type"] != "http":
            return
        body = await read_body(receive)
        action = dict(scope["headers"]).get(b"x-amz-target", b"").decode().rpartition(".")[2]
        status, headers, content = await ask(self._client, self._moto, scope, body)
        if status == httpx.codes.OK and action == "UpdateService" and self.ecs:
            request = json.loads(body)
            self.ecs.update(request["taskDefinition"], request.get("desiredCount"))
            content = json.dumps({"service": self.ecs.tell(json.loads(content)["service"])}).encode()
        elif status == httpx.codes.OK and action == "DescribeServices" and self.ecs:
            services = [self.ecs.tell(service) for service in json.loads(content)["services"]]
            content = json.dumps({"services": services, "failures": []}).encode()
        elif status == httpx.codes.OK and action == "DescribeTaskDefinition":
            content = _with_secrets(json.loads(content))
        elif b"Action=DescribeStacks" in body:
            for there, here in self.addresses.items():
                content = content.replace(there.encode(), here.encode())
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        length = (
            dict(headers).get(b"content-length", b"0") if scope["method"] == "HEAD" else b"%d" % len(content)
        )
        await tell(send, status, [*kept, (b"content-length", length)], content)


@dataclass
class Cloud:
    """A running stand-in: where its API is, where its load balancer is, and the way to begin a service."""

    url: str
    balancer_url: str
    front: Front
    balancer: Balancer
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What leads botocore here."""
        return CREDENTIALS | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """Give the client of one of its services, which reads what the service is once."""
        if service not in self._clients:
            self._clients[service] = botocore.session.get_session().create_client(
                service,
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            )
        return self._clients[service]

    def apply(self, name: str, parameters: Mapping[str, str], registry: str) -> dict[str, str]:
        """Create a stack, and give its outputs, with addresses of this machine."""
        outputs = create(self.url, name, parameters)
        there = outputs["RepositoryUri"].partition("/")[0]
        self.front.addresses = {outputs["LoadBalancerUrl"]: self.balancer_url, there: registry}
        return self.outputs(name)

    def outputs(self, name: str) -> dict[str, str]:
        """Read the outputs of a stack."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    @contextmanager
    def service(
        self, outputs: Mapping[str, str], start: Start, *, desired: int, grace: float
    ) -> Iterator[Ecs]:
        """Run the service of a stack while the block lasts."""
        api = self.client("ecs")
        (described,) = api.describe_services(
            cluster=outputs["ClusterName"], services=[outputs["ServiceName"]]
        )["services"]
        ecs = Ecs(start, self._container, self.balancer, grace)
        ecs.begin(described["taskDefinition"], desired)
        self.front.ecs = ecs
        try:
            yield ecs
        finally:
            ecs.end()
            self.front.ecs = None

    def _container(self, task_definition: str) -> dict[str, Any]:
        """Find the container of a task definition, with the secrets it names in its environment."""
        described = self.client("ecs").describe_task_definition(taskDefinition=task_definition)[
            "taskDefinition"
        ]
        (container,) = (one for one in described["containerDefinitions"] if one["name"] == "puntual")
        return container | {
            "environment": {one["name"]: one["value"] for one in container.get("environment", ())}
            | {one["name"]: self.front.secrets.get(one["name"], "") for one in container.get("secrets", ())}
        }


def _with_secrets(answer: dict[str, Any]) -> bytes:
    for container in answer["taskDefinition"]["containerDefinitions"]:
        # moto leaves nothing in the place of what a condition leaves out, where CloudFormation leaves no place.
        container["secrets"] = [secret for secret in container.get("secrets", ()) if secret]
        for secret in container["secrets"]:
            secret.setdefault(
                "valueFrom", f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{secret['name']}"
            )
    return json.dumps(answer).encode()


@contextmanager
def cloud() -> Iterator[Cloud]:
    """Run the stand-in while the block lasts."""
    with _moto() as moto:
        front, balancer = Front(moto), Balancer()
        with served(front) as url, served(balancer) as balancer_url:
            yield Cloud(url, balancer_url, front, balancer)


@contextmanager
def _moto() -> Iterator[str]:
    # A process of its own, since it says much of what it does without, such as alarms and scaling.
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while process.poll() is None and not _answers(url):
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
