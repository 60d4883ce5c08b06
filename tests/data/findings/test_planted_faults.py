"""Every fault that is planted into a clean table is found by its name, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_tables import Looker, Plant, Rows, amounts, clean, names

from dlrun.data.dataset import Dataset
from dlrun.data.splits.split import Split


@dataclass(frozen=True)
class Fault:
    """What is planted, and what must be found of it."""

    name: str
    what: str
    plant: Plant
    base: Callable[..., Rows] = clean
    keys: dict[str, Any] = field(default_factory=dict)
    split: str = "holdout"


def fault(name: str, what: str, base: Callable[..., Rows] = clean, split: str = "holdout", **keys: Any) -> Any:
    def put(plant: Plant) -> Plant:
        FAULTS.append(Fault(name, what, plant, base, keys, split))
        return plant

    return put


FAULTS: list[Fault] = []


def column(name: str, cell: Callable[[int, dict[str, Any]], Any]) -> Plant:
    """A column more, or another one in place of one."""
    return lambda rows: [row | {name: cell(number, row)} for number, row in enumerate(rows)]


def cells(chosen: Callable[[int], bool], name: str, value: Any) -> Plant:
    """Another value in some rows."""
    return lambda rows: [row | {name: value} if chosen(number) else row for number, row in enumerate(rows)]


def draw(number: int) -> random.Random:
    return random.Random(number * 7919 + 13)


# --- columns that tell nothing or the same
fault("constant_column", "one number")(column("c", lambda i, r: 7))
fault("constant_column", "one word")(column("c", lambda i, r: "x"))
fault("constant_column", "only empty cells")(column("c", lambda i, r: ""))
fault("nearly_constant", "another value once", lambda: clean(2400))(column("c", lambda i, r: 1 if i == 90 else 0))
fault("duplicate_columns", "a copy of numbers")(column("age2", lambda i, r: r["age"]))
fault("duplicate_columns", "a copy of words")(column("town", lambda i, r: r["city"]))
fault("duplicate_columns", "other units")(column("inch", lambda i, r: round(r["height"] / 2.54, 6)))
fault("id_column", "counts from 1")(column("nr", lambda i, r: i + 1))
fault("id_column", "counts down from 9000")(column("place", lambda i, r: 9000 - i))
fault("id_column", "numbers by the name")(column("customer_id", lambda i, r: 100_000 + (i * 7919) % 899_981))
fault("id_column", "a word a row")(column("code", lambda i, r: f"A{(i * 7919) % 100_003:06d}"))
fault("id_column", "counts by ten")(column("serial", lambda i, r: i * 10))
fault("cut_off", "seconds since 1970")(column("stamp", lambda i, r: 1_700_000_000 + draw(i).randrange(2000) / 4))

# --- values
fault("missing_values", "a tenth empty")(cells(lambda i: i % 10 == 0, "age", ""))
fault("missing_values", "words empty")(cells(lambda i: i % 9 == 0, "city", ""))
fault("mostly_missing", "four fifths empty")(cells(lambda i: i % 5 != 0, "height", ""))
fault("outliers", "a slip of the decimal point")(cells(lambda i: i == 17, "height", 17_100))
fault("outliers", "9999 for missing")(cells(lambda i: i % 23 == 0, "age", 9999))
fault("outliers", "-999 once")(cells(lambda i: i == 5, "age", -999))
fault("long_tail", "wealth")(column("wealth", lambda i, r: round(10 ** draw(i).gauss(3, 1.2), 2)))
fault("odd_dates", "the year 2999")(cells(lambda i: i in (4, 9), "joined", "2999-12-31"))
fault("odd_dates", "the beginning of 1970")(cells(lambda i: i % 40 == 0, "joined", "1970-01-01"))

# --- words
fault("many_categories", "a word in two rows")(column("street", lambda i, r: f"s{i // 3 * 17 % 1009}"))
fault("category_spelling", "capitals")(cells(lambda i: i % 15 == 0, "city", "berlin"))
fault("category_spelling", "dashes")(column("w", lambda i, r: draw(i).choice(("part-time", "part time", "full-time"))))
fault("words_for_missing", "a question mark")(cells(lambda i: i % 12 == 0, "city", "?"))
fault("words_for_missing", "unknown")(cells(lambda i: i % 12 == 0, "city", "unknown"))
fault("mixed_types", "rooms, some of them in words")(
    column("rooms", lambda i, r: "many" if i % 6 == 0 else draw(i).randrange(1, 6))
)

# --- the target given away
fault("target_equals_column", "a copy of the class")(column("copy", lambda i, r: "yes" if r["kind"] == "low" else "no"))
fault("target_equals_column", "as a number")(column("copy", lambda i, r: 1 if r["kind"] == "low" else 0))
fault("target_equals_column", "an amount in cents", amounts)(column("cents", lambda i, r: round(r["kind"] * 100)))
fault("target_leak", "a number beyond a border")(
    column("paid", lambda i, r: round(draw(i).uniform(0, 9) + 10 * (r["kind"] == "low"), 3))
)
fault("target_leak", "a word that tells it")(
    column("ward", lambda i, r: draw(i).choice(("a", "b", "c") if r["kind"] == "low" else ("d", "e")))
)
fault("target_leak", "the logarithm of the target", amounts)(
    column("log", lambda i, r: round(float(np.log(r["kind"])), 5))
)
fault("target_leak", "a word for each amount", lambda: [r | {"kind": i % 50 * 9.5} for i, r in enumerate(clean())])(
    column("tariff", lambda i, r: f"t{int(r['kind'] * 2)}")
)
fault("missing_tells_target", "filled when it is known")(
    lambda rows: [
        row | {"boat": draw(i).randrange(20) if (row["kind"] == "low") != (i % 60 == 0) else ""}
        for i, row in enumerate(rows)
    ]
)

# --- the target itself
fault("rare_class", "one with three rows")(cells(lambda i: i in (1, 90, 180), "kind", "odd"))
fault("imbalance", "one in fifty", lambda: clean(1500))(
    lambda rows: [row | {"kind": "high" if i % 50 == 0 else "low"} for i, row in enumerate(rows)]
)
fault("class_spelling", "a space", task="multiclass")(
    lambda rows: [row | {"kind": draw(i).choice(("class-1", "class 1", "class 2"))} for i, row in enumerate(rows)]
)
fault("many_classes", "80 classes in 320 rows", lambda: clean(320))(
    lambda rows: [row | {"kind": f"k{i * 7 % 80}"} for i, row in enumerate(rows)]
)
fault("classes_are_numbers", "years of school")(lambda rows: [row | {"kind": i * 7 % 18} for i, row in enumerate(rows)])
fault("target_is_classes", "three kinds, called numbers", task="regression")(
    lambda rows: [row | {"kind": draw(i).randrange(3)} for i, row in enumerate(rows)]
)
fault("target_outliers", "one of a million", amounts)(cells(lambda i: i == 33, "kind", 1_000_000))
fault("target_long_tail", "takings", amounts)(
    lambda rows: [row | {"kind": round(10 ** draw(i).gauss(3, 1.2), 2)} for i, row in enumerate(rows)]
)

# --- rows
fault("empty_rows", "one of nothing but its label")(lambda rows: [*rows, dict.fromkeys(rows[0], "") | {"kind": "low"}])
fault("small_part", "a test of five rows", lambda: clean(40))(lambda rows: rows)
fault("more_columns_than_rows", "a hundred columns", lambda: clean(60))(
    lambda rows: [
        row | {f"m{j}": round(draw(i * 100 + j).gauss(0, 1), 4) for j in range(100)} for i, row in enumerate(rows)
    ]
)

# --- time and groups
DAYS = [(date(2020, 1, 1) + timedelta(days=day)).isoformat() for day in range(400)]
fault("random_split_of_time", "a file in order of its date")(column("joined", lambda i, r: DAYS[i]))
fault("future_in_training", "a column of times, and a random split", time="joined")(lambda rows: sorted(rows, key=day))
fault("times_out_of_order", "two rows changed places", split="time", time="joined")(
    lambda rows: swapped(sorted([row | {"joined": DAYS[i]} for i, row in enumerate(rows)], key=day))
)
fault("duplicate_times", "one day twice", split="time", time="joined")(
    lambda rows: [row | {"joined": DAYS[i - (i == 200)]} for i, row in enumerate(rows)]
)
fault("group_column", "ten rows a patient")(column("patient_id", lambda i, r: i * 7 % 40))


def day(row: dict[str, Any]) -> str:
    return str(row["joined"])


def swapped(rows: Rows) -> Rows:
    rows[30], rows[90] = rows[90], rows[30]
    return rows


_BESIDE = {
    "rare_class": {"imbalance"},  # what is rare is less than others
    "many_classes": {"rare_class", "absent_class"},
    "empty_rows": {"missing_values"},
    "missing_tells_target": {"missing_values"},
}


@pytest.mark.parametrize("planted", FAULTS, ids=lambda each: f"{each.name}: {each.what}")
def test_a_planted_fault_is_found_by_its_name(planted: Fault, tmp_path: Path) -> None:
    found = Looker(tmp_path).table(planted.plant(planted.base()), planted.split, **planted.keys)
    assert planted.name in names(found)
    assert names(found) - _BESIDE.get(planted.name, set()) == {planted.name}


def test_there_are_at_least_forty() -> None:
    assert len(FAULTS) >= 40


def test_duplicate_rows_are_found_with_those_that_both_parts_have(tmp_path: Path) -> None:
    rows = clean()
    found = names(Looker(tmp_path).table([*rows, *rows[:40]]))
    assert found == {"duplicate_rows", "shared_rows"}


def test_the_same_row_with_two_labels_is_found(tmp_path: Path) -> None:
    rows = clean()
    other = [row | {"kind": "low" if row["kind"] == "high" else "high"} for row in rows[:40]]
    assert "contradicting_rows" in names(Looker(tmp_path).table([*rows, *other]))


def test_a_column_that_is_empty_in_the_training_part_is_an_error(tmp_path: Path) -> None:
    rows = [row | {"late": draw(i).randrange(99) if i >= 320 else ""} for i, row in enumerate(sorted(clean(), key=day))]
    found = Looker(tmp_path).table(rows, "time", time="joined")
    assert ("error", "missing_in_training") in {(each.level, each.name) for each in found}


def test_what_changes_over_time_is_found_as_drift(tmp_path: Path) -> None:
    rows = sorted(clean(), key=day)
    found = Looker(tmp_path).table(
        [row | {"price": i + draw(i).gauss(0, 9)} for i, row in enumerate(rows)], "time", time="joined"
    )
    assert names(found) == {"drift"}


def test_words_that_come_up_in_the_test_alone_are_found(tmp_path: Path) -> None:
    rows = sorted(clean(), key=day)
    found = Looker(tmp_path).table(
        [row | {"city": "Essen"} if i > 300 and i % 2 else row for i, row in enumerate(rows)], "time", time="joined"
    )
    assert names(found) == {"unseen_categories"}


def test_a_class_that_comes_up_in_the_test_alone_is_found(tmp_path: Path) -> None:
    rows = [row | {"kind": "new"} if i > 350 else row for i, row in enumerate(sorted(clean(), key=day))]
    assert {"absent_class", "class_drift"} <= names(Looker(tmp_path).table(rows, "time", time="joined"))


def test_all_columns_constant_is_an_error(tmp_path: Path) -> None:
    rows = [{"a": 1, "b": "x", "kind": row["kind"]} for row in clean()]
    (found,) = Looker(tmp_path).table(rows)
    assert (found.level, found.name) == ("error", "all_constant")


def test_a_text_that_is_empty_is_found(tmp_path: Path) -> None:
    words = ("quick", "brown", "fox", "jumps", "over", "lazy", "dog", "by", "night", "while", "old", "owls", "watch")
    texts = [" ".join(draw(i).sample(words, 8)) if i else "  " for i in range(100)]
    assert names(Looker(tmp_path).dataset(of_texts(texts))) == {"empty_texts"}


def test_the_same_text_twice_is_found_whatever_its_place(tmp_path: Path) -> None:
    texts = [f"letter {i % 60} of many" for i in range(100)]
    assert names(Looker(tmp_path).dataset(of_texts(texts))) >= {"duplicate_rows", "shared_rows"}


def of_texts(texts: list[str]) -> Dataset:
    from dlrun.data.columns import Column

    x = np.arange(len(texts), dtype=np.float32)[:, np.newaxis]
    y = np.array([draw(i).randrange(2) for i in range(len(texts))])
    return Dataset(x, y, "binary", ("a", "b"), ("text",), "0" * 64, (Column("text", "text"),), texts)


def images(count: int = 120) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3)).astype(np.float32)


def of_images(x: np.ndarray) -> Dataset:
    y = np.random.default_rng(1).integers(0, 3, len(x))
    return Dataset(x, y, "multiclass", ("a", "b", "c"), (), "0" * 64)


def test_images_that_are_there_twice_are_found(tmp_path: Path) -> None:
    assert names(Looker(tmp_path).dataset(of_images(images()))) == set()
    twice = images()
    twice[60:90] = twice[:30]
    assert names(Looker(tmp_path).dataset(of_images(twice))) >= {"duplicate_rows", "shared_rows", "contradicting_rows"}


def test_images_of_one_colour_are_found(tmp_path: Path) -> None:
    x = images()
    x[7] = 255
    assert names(Looker(tmp_path).dataset(of_images(x))) == {"blank_images"}


def windows(gap: int) -> tuple[Dataset, Split]:
    """Windows of ten steps, one a step; the first hundred train, and so many steps are left out behind them."""
    x = np.random.default_rng(0).normal(size=(200, 9, 2)).astype(np.float32)
    y = np.random.default_rng(1).normal(size=(200, 1)).astype(np.float32)
    first = np.arange(200)
    spans = np.stack([first, first + 9], axis=1)
    dataset = Dataset(x, y, "regression", (), ("a", "b"), "0" * 64, times=first.astype(float), spans=spans)
    return dataset, Split(np.arange(100), np.arange(100 + gap, 150), np.arange(150 + gap, 200))


def test_windows_that_reach_over_what_is_judged_on_are_an_error(tmp_path: Path) -> None:
    looker = Looker(tmp_path)
    assert [(each.level, each.name) for each in looker.dataset(*windows(gap=5))] == [("error", "overlapping_windows")]
    assert not looker.dataset(*windows(gap=9))


def test_a_million_rows_are_looked_at_in_blocks_and_the_finding_says_so(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(300_000, 8)).astype(np.float32)
    x[:, 3] = 4
    y = np.random.default_rng(1).integers(0, 2, 300_000)
    from dlrun.data.columns import numeric

    dataset = Dataset(x, y, "binary", ("a", "b"), (), "0" * 64, numeric([f"c{i}" for i in range(8)]))
    (found,) = Looker(tmp_path).dataset(dataset)
    assert found.name == "constant_column"
    assert "rows looked at, of 300,000" in found.got
