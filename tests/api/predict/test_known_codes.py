"""The codes that the champion knows, as a form completes them."""

import httpx


def test_the_codes_are_those_that_training_saw_most_first_with_the_names_of_airports(
    client: httpx.Client,
) -> None:
    codes = client.get("/codes").raise_for_status().json()
    assert [airport["code"] for airport in codes["origins"]] == ["JFK", "EWR"]
    assert codes["origins"][1] == {
        "code": "EWR",
        "name": "Newark Liberty International Airport",
        "city": "Newark",
        "time_zone": "America/New_York",
    }
    assert {airport["code"] for airport in codes["destinations"]} == {"BOS", "LAX", "LHR", "MIA", "ORD"}
    assert sorted(codes["airlines"]) == ["AA", "B6", "DL", "UA"]
