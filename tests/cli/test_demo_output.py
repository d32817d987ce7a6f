"""The demo ends by naming the next command, and a request about a flight of the table that it trained on."""

import shlex
from types import SimpleNamespace

import msgspec
import pytest
from rich.console import Console

from flights_made import make_flights
from puntual.api.predict.contract import PredictRequest
from puntual.cli.output.demo_result import _print_next


@pytest.mark.parametrize(
    ("registry", "serve"),
    [("models", "puntual serve"), ("my models", "puntual serve --registry 'my models'")],
)
def test_the_demo_ends_with_the_command_that_serves_and_one_that_asks_it(capsys, registry, serve):
    flights = make_flights(days=1).head(3)
    training = SimpleNamespace(table=SimpleNamespace(source="nyc"))
    _print_next(SimpleNamespace(flights=flights, training=training), registry, Console(width=80))
    playing, following, asking = capsys.readouterr().out.strip().splitlines()
    assert (
        playing
        == f"replay  puntual replay --source nyc --day 2023-01-02{serve.removeprefix('puntual serve')}"
    )
    assert following == f"next    {serve}"
    words = shlex.split(asking.removeprefix("then"))
    request = msgspec.json.decode(words[words.index("-d") + 1], type=PredictRequest)
    assert request.flights[0].flight_number == flights["flight_number"][2]
    assert request.flights[0].scheduled_departure == f"{flights['scheduled_departure'][2]:%Y-%m-%dT%H:%M}"
    # The demo's own answer was of before the day; by now the service was told what became of the flight.
    assert request.as_of == f"{flights['scheduled_departure'][2]:%Y-%m-%d}T00:00"
