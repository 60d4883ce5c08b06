"""Rows in order of time: missing steps and values that hang are found; weekends, nights and settings are no faults."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

from planted_tables import Looker, Rows, names
from test_planted_faults import draw

BEGIN = datetime(2024, 5, 1)


def measured(count: int = 1200, minutes: int = 10) -> Rows:
    """A row a step: a temperature, a pressure of few digits, sun by day alone and a setting that stays for days."""
    rows = []
    for i in range(count):
        day = i * minutes / 1440
        sun = max(0.0, math.sin(2 * math.pi * day)) * 800 * (0.9 + 0.1 * draw(i).random())
        row = {"when": (BEGIN + timedelta(minutes=minutes * i)).isoformat(), "warmth": round(draw(i).gauss(20, 3), 2)}
        row |= {"pressure": round(1013 + draw(i + 9).gauss(0, 2), 1), "sun": round(sun, 1)}
        row |= {"setting": int(day * 3) * 7 % 17}
        rows.append(row | {"kind": round(2 * row["warmth"] + draw(i + 5).gauss(0, 3), 2)})
    return rows


def found(tmp_path: Path, rows: Rows) -> dict[str, str]:
    seen = Looker(tmp_path).table(rows, "time", time="when")
    return {each.name: each.got for each in seen if each.name in ("time_gaps", "stuck_values")}


def test_an_even_series_is_passed_in_silence(tmp_path: Path) -> None:
    assert found(tmp_path, measured()) == {}


def test_steps_that_are_missing_are_found(tmp_path: Path) -> None:
    rows = measured()
    assert found(tmp_path, rows[:400] + rows[440:]) == {"time_gaps": "one gap, of 41 steps after row 400"}
    seen = Looker(tmp_path).table([*rows[:400], *rows[440:800], *rows[805:]])
    assert "2 gaps, the longest of 41 steps after row 400" in {each.got for each in seen}, "without data.time, too"


def test_weekends_are_no_gaps(tmp_path: Path) -> None:
    days = [BEGIN + timedelta(days=day) for day in range(600)]
    rows = [row | {"when": day.date().isoformat()} for row, day in zip(measured(600), days, strict=True)]
    assert found(tmp_path, [row for row, day in zip(rows, days, strict=True) if day.weekday() < 5]) == {}


def test_a_value_that_hangs_is_found(tmp_path: Path) -> None:
    rows = [row | {"pressure": 1011.3} if 300 <= i < 345 else row for i, row in enumerate(measured())]
    assert found(tmp_path, rows) == {"stuck_values": "'pressure' is 1011.3 45 times in a row, from row 301 on"}


def test_a_value_that_hangs_at_one_device_of_several_is_found(tmp_path: Path) -> None:
    rows = [
        row | {"device": device, "warmth": round(draw(i * 4 + place).gauss(20, 3), 2)}
        for i, row in enumerate(measured(600))
        for place, device in enumerate(("pump A", "pump B", "fan"))
    ]
    assert "stuck_values" not in found(tmp_path, rows)
    hung = [row | {"warmth": 17.5} if row["device"] == "fan" and 900 < i < 1050 else row for i, row in enumerate(rows)]
    assert found(tmp_path, hung)["stuck_values"] == "'warmth' is 17.5 50 times in a row of 'fan', from row 903 on"


def test_a_file_without_time_has_no_order(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "when"} for row in measured()]
    hung = [row | {"pressure": 1011.3} if 300 <= i < 345 else row for i, row in enumerate(rows)]
    assert "stuck_values" not in names(Looker(tmp_path).table(hung))
