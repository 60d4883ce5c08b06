"""A mixed table learned by dlrun and by scikit-learn's pipeline, on the same rows: neither may be a point better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dlrun

SPLITS = 5


def passengers(rows: int = 891) -> pd.DataFrame:
    """A table such as that of the Titanic: a row number, words, gaps, and an outcome that follows from some of them."""
    random = np.random.default_rng(1912)
    sex = random.choice(["male", "female"], rows, p=[0.65, 0.35])
    deck = random.choice([1, 2, 3], rows, p=[0.25, 0.2, 0.55])
    age = np.clip(random.normal(30, 14, rows), 1, 80).round(1)
    port = random.choice(["S", "C", "Q"], rows, p=[0.7, 0.2, 0.1])
    family = random.poisson(0.9, rows)
    worth = 2.4 * (sex == "female") - 1.0 * (deck - 2) - 0.03 * (age - 30) + 0.4 * (port == "C") - 0.4 * family - 0.6
    table = pd.DataFrame(
        {
            "PassengerId": np.arange(1, rows + 1),
            "Pclass": deck,
            "Sex": sex,
            "Age": age,
            "Family": family,
            "Fare": np.exp(random.normal(4 - 0.7 * deck, 0.6)).round(2),
            "Embarked": port,
            "Survived": (random.random(rows) < 1 / (1 + np.exp(-1.5 * worth))).astype(int),
        }
    )
    table.loc[random.random(rows) < 0.2, "Age"] = np.nan
    table.loc[random.random(rows) < 0.02, "Embarked"] = None
    return table


def theirs(table: pd.DataFrame, train: np.ndarray, test: np.ndarray, seed: int) -> float:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = ["Pclass", "Age", "Family", "Fare"]
    steps = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["Sex", "Embarked"]),
        ]
    )
    network = MLPClassifier((64, 64), early_stopping=True, n_iter_no_change=10, max_iter=100, random_state=seed)
    model = make_pipeline(steps, network).fit(table.iloc[train], table["Survived"].iloc[train])
    return float(model.score(table.iloc[test], table["Survived"].iloc[test]))


@pytest.mark.slow
def test_accuracy_is_that_of_a_pipeline(work: Path) -> None:
    table = passengers()
    table.to_csv(work / "passengers.csv", index=False)
    words = ["data=csv", "data.path=passengers.csv", "data.target=Survived", "data.drop=[PassengerId]", "tracking=none"]
    mine, other = [], []
    for split in range(SPLITS):
        result = dlrun.run([*words, f"split.seed={split}", f"seed={split}"])
        mine.append(result.metrics["test_accuracy"])
        with np.load(Path("runs") / result.id / "split.npz") as rows:
            train = np.concatenate([rows["train"], rows["validation"]])  # it holds out its own validation part
            other.append(theirs(table, train, rows["test"], split))
    print(f"dlrun {np.mean(mine):.4f} {np.round(mine, 3)}, scikit-learn {np.mean(other):.4f} {np.round(other, 3)}")  # noqa: T201
    assert np.mean(mine) >= np.mean(other) - 0.01
