"""When a provider wants to be asked again, in its own words."""

from __future__ import annotations

import pytest

from link import wishes


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("1.2s", 1.2),
        ("20ms", 0.02),
        ("2.189999999s", 2.189999999),
        ("6 s", 6.0),
        ("6m0s", 360.0),
        ("1m12.5s", 72.5),
        ("1h2m3s", 3723.0),
        ("1h 2m 3s", 3723.0),
        ("1s500ms", 1.5),
        ("5 seconds", 5.0),
        ("1 second", 1.0),
        ("30 SECONDS", 30.0),
        ("250 milliseconds", 0.25),
        ("2 minutes", 120.0),
        ("2 mins", 120.0),
        ("1 minute and 30 seconds", 90.0),
        ("1 hour, 2 minutes, and 3 seconds", 3723.0),
        ("6m, or ask us for more.", 360.0),
        ("6m 3 times", 360.0),
        ("2 steps", 0.0),
        ("2 more minutes", 0.0),
        ("a minute", 0.0),
        ("1234567s", 0.0),
    ],
)
def test_its_parts_are_added_up(wish: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishes, "CAP_S", 1e6)
    for end in ("", ".", ". Visit our page in 3 days.", " or later", ")"):
        assert wishes.wish_s(f"Rate limit reached. Please try again in {wish}{end}") == pytest.approx(seconds)


@pytest.mark.parametrize("wish", ["6m0s", "1h", "11 seconds", "999999s"])
def test_nobody_waits_longer_than_the_cap(wish: str) -> None:
    assert wishes.wish_s(f"try again in {wish}") == wishes.CAP_S
