"""What a caller would rather have."""

import pytest

from puntual.api.http.media_type import prefers_csv


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        ("", False),
        ("*/*", False),
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/html, text/csv, application/json", True),
        ("application/json, text/csv", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0, application/json", False),
        ("text/csv; q=0.5, application/json", False),
        ("application/json;q=0.1, text/csv;q=0.2", True),
        ("text/csv;q=x", True),
    ],
)
def test_csv_is_given_to_whoever_would_rather_have_it(accept: str, csv: bool) -> None:
    assert prefers_csv(accept) is csv
