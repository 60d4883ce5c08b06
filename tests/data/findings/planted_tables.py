"""A table with nothing wrong, and what makes it a dataset: faults are planted into it one at a time."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data.dataset import Dataset
from dlrun.data.findings.finding import Finding
from dlrun.data.findings.look import look
from dlrun.data.load import load
from dlrun.data.splits.split import Split, split_rows

Row = dict[str, Any]
Rows = list[Row]

CITIES = ("Aachen", "Berlin", "Chemnitz", "Dresden")


def clean(count: int = 400, seed: int = 0) -> Rows:
    """Numbers, a flag, words, a date and a class that depends on some of them, with noise."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        age, height = draw.gauss(40, 12), draw.gauss(170, 9)
        city, member = draw.choice(CITIES), draw.random() < 0.4
        joined = date(2015, 1, 1) + timedelta(days=draw.randrange(3000))
        score = (age - 40) / 12 + 0.8 * member + 0.5 * (city == "Berlin") + draw.gauss(0, 1)
        row = {"age": round(age, 1), "height": round(height, 2), "city": city, "member": str(member).lower()}
        rows.append(row | {"joined": joined.isoformat(), "kind": "high" if score > 0.3 else "low"})
    return rows


def amounts(count: int = 400, seed: int = 0) -> Rows:
    """As `clean`, with a number to predict."""
    draw = random.Random(seed)
    return [
        row | {"kind": round(row["age"] * 3 + row["height"] + 20 * (row["kind"] == "high") + draw.gauss(0, 15), 2)}
        for row in clean(count, seed)
    ]


def write(rows: Rows, path: Path) -> None:
    names = list(rows[0])
    names.append(names.pop(names.index("kind")))  # the target last, as csv takes it
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


class Looker:
    """Looks at tables and datasets as a run with an option's defaults would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = Catalog(Roots.of(folder))
        self._written = 0

    def node(self, group: str, option: str, /, **values: Any) -> dict[str, Any]:
        return {"option": option, **self.catalog.get(group, option).defaults, **values}

    def spec(self, data: Mapping[str, Any], split: str = "holdout", **more: Any) -> dict[str, Any]:
        nodes = {"data": data, "split": self.node("split", split), "preprocess": self.node("preprocess", "auto")}
        return {**nodes, "trainer": self.node("trainer", "default"), "preflight": "stop", **more}

    def table(self, rows: Rows, split: str = "holdout", /, **values: Any) -> tuple[Finding, ...]:
        """What is found in a CSV file of these rows."""
        self._written += 1
        path = self.folder / f"table{self._written}.csv"
        write(rows, path)
        return self.option("csv", split, path=str(path), **values)

    def option(self, name: str, split: str = "holdout", /, **values: Any) -> tuple[Finding, ...]:
        """What is found in the data of an option."""
        spec = self.spec(self.node("data", name, **values), split)
        dataset = load(spec["data"], self.catalog)
        return look(dataset, split_rows(dataset, spec["split"], self.catalog), spec)

    def dataset(self, dataset: Dataset, split: str | Split = "holdout", **more: Any) -> tuple[Finding, ...]:
        """What is found in a dataset that was made in code."""
        name = split if isinstance(split, str) else "holdout"
        spec = self.spec({"option": "images"}, name, **more)
        rows = split_rows(dataset, spec["split"], self.catalog) if isinstance(split, str) else split
        return look(dataset, rows, spec)


def names(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.name for finding in findings}


Plant = Callable[[Rows], Rows]
