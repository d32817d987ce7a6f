"""`POST /predict` and `POST /invocations` keep to the OpenAPI document, whatever they are sent."""

from pathlib import Path

from api.contract.schemathesis_runs import EXAMPLES, answered, cases, failures, keyed_server, recorded

ROUTES = {"/predict", "/invocations"}


def test_every_answer_is_one_that_the_document_describes(bundle_file: Path, tmp_path: Path) -> None:
    with keyed_server(bundle_file, tmp_path) as keyed:
        recorders = recorded(keyed, ROUTES.__contains__)
        assert failures(recorders) == []
        assert cases(recorders) > 2 * EXAMPLES
        assert answered(recorders) >= {"POST /predict", "POST /invocations"}
        assert not [line for line in keyed.server.logged() if line["status"] >= 500]
