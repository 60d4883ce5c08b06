"""Two runs side by side and in words, from directories written by hand of real specs."""

from __future__ import annotations

import csv
import io
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.analysis.compare import compare
from dlrun.analysis.contrast.commands import repeating, separating
from dlrun.analysis.contrast.courses import Course, courses_of
from dlrun.analysis.contrast.pair import Pair, pair_of
from dlrun.analysis.contrast.replicates import Pool
from dlrun.analysis.contrast.settings import changes_between, factors_of
from dlrun.analysis.contrast.side import find_two
from dlrun.analysis.contrast.surroundings import described, otherwise
from dlrun.analysis.contrast.words import explain, who_led
from dlrun.analysis.runs import read_runs
from dlrun.analysis.statistics import paired_difference, unpaired_difference
from dlrun.analysis.trials import ABSENT
from dlrun.cli.main import main
from dlrun.cli.shorthands import spelled_out
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.config.spec import flatten
from dlrun.planning import Planner
from dlrun.tracking.journal import Journal

IRIS = ("data=iris", "trainer.epochs=3", "tracking=none")
SCORES = {0.001: (0.90, 0.91, 0.92, 0.93, 0.94), 0.01: (0.95, 0.97, 0.96, 0.98, 0.99)}


class Written:
    """Run directories of what is typed, without training anything."""

    def __init__(self, work: Path, planner: Planner) -> None:
        self.work = work
        self.planner = planner
        self.catalog = planner.catalog
        self._made = 0

    def run(self, words: Sequence[str], accuracy: float, digest: str = "d" * 64, **result: Any) -> str:
        """Write the run of `words`; returns its id."""
        self._made += 1
        (planned,) = self.planner.plan([*IRIS, *words], sweep=False).runs
        identity = str(result.pop("id", planned.id))
        folder = self.work / "runs" / identity
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text(planned.spec.to_json())
        name, curve = " ".join(words), result.pop("curve", (0.5, accuracy))
        with Journal(folder / "journal.jsonl") as journal:
            journal.append("start", name=name, command=shlex.join(["dlrun", *IRIS, *words]), epochs=3)
            journal.append("data", name="iris", digest=digest)
            for epoch, value in enumerate(curve, 1):
                journal.append("epoch", epoch=epoch, metrics={"val_accuracy": value, "loss": 1 - value})
        facts = {"id": identity, "name": name, "status": "finished", "started": float(self._made), "cause": None}
        facts |= {"metrics": {"test_accuracy": accuracy}, "epochs_run": len(curve), "kept_epoch": len(curve)}
        (folder / "result.json").write_text(json.dumps(facts | result))
        (folder / "environment.json").write_text(json.dumps({"packages": {"keras": "3.15.0"}, "cpus": 2}))
        return identity

    def pair(self, first: str, second: str) -> Pair:
        return pair_of(*find_two(first, second, self.work, self.catalog), self.work, self.catalog)

    def ids_of(self, command: str) -> set[str]:
        """The runs that a command asks for."""
        program, *words = shlex.split(command)
        assert program == "dlrun"
        position = next(index for index, word in enumerate(words) if word in ("--seeds", "--folds"))
        flags = {"seeds": None, "folds": None, "jobs": None, "inexact": False}
        flags[words[position].lstrip("-")] = int(words[position + 1])  # type: ignore[assignment]
        overrides = [word for word in [*words[:position], *words[position + 2 :]] if word != "-m"]
        overrides, sweep = spelled_out(overrides, flags, True)
        return {run.id for run in self.planner.plan(overrides, sweep).runs}


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """One for all tests: it composes each choice of options once."""
    return Planner(tmp_path_factory.mktemp("nowhere"))


@pytest.fixture
def written(work: Path, planner: Planner) -> Written:
    return Written(work, planner)


def rate(value: float) -> str:
    return f"optimizer.learning_rate={value}"


def trials(written: Written, scores: Mapping[float, Sequence[float]] = SCORES) -> dict[tuple[float, int], str]:
    """Seeds 0, 1, ... of two learning rates."""
    return {
        (value, seed): written.run([rate(value), f"seed={seed}"], score)
        for value, row in scores.items()
        for seed, score in enumerate(row)
    }


def told(pair: Pair) -> str:
    answer = explain(pair, "test_accuracy")
    return "\n".join([*answer.differs, *answer.how_much, *answer.how_sure])


class TestSettings:
    def changes(
        self, first: Sequence[str], second: Sequence[str], planner: Planner, catalog: Catalog
    ) -> dict[str, Any]:
        specs = [flatten(planner.plan([*IRIS, *words], sweep=False).runs[0].spec) for words in (first, second)]
        found = changes_between(*specs, catalog)
        assert changes_between(specs[0], specs[0], catalog) == []
        return {change.key: (*change.values, change.are_defaults) for change in found}

    def test_values_and_which_of_them_are_the_default(self, planner: Planner, catalog: Catalog) -> None:
        assert self.changes([], [rate(0.1)], planner, catalog) == {
            "optimizer.learning_rate": (0.001, 0.1, (True, False))
        }

    def test_an_option_brings_its_parameters(self, planner: Planner, catalog: Catalog) -> None:
        found = self.changes(["optimizer=sgd", "optimizer.momentum=0.9"], [], planner, catalog)
        assert found == {
            "optimizer": ("sgd", "adam", (False, True)),
            "optimizer.learning_rate": (0.01, 0.001, (True, True)),
            "optimizer.momentum": (0.9, ABSENT, (False, False)),
        }

    def test_a_list_is_one_value(self, planner: Planner, catalog: Catalog) -> None:
        found = self.changes(["callback=[]"], ["callback.early_stopping.patience=3"], planner, catalog)
        assert found == {"callback": ([], ["early_stopping"], (False, True))}
        found = self.changes([], ["callback.early_stopping.patience=3"], planner, catalog)
        assert list(found) == ["callback.early_stopping.patience"]

    def test_how_a_run_is_recorded_or_scheduled_does_not_count(self, planner: Planner, catalog: Catalog) -> None:
        words = ["tracking=mlflow", "name=x", "trainer.threads=1", "trainer.engine=fit", "checkpoint=none"]
        assert self.changes([], words, planner, catalog) == {}

    def test_what_comes_together_is_one_factor(self, planner: Planner, catalog: Catalog) -> None:
        words = ["optimizer=sgd", "optimizer.momentum=0.9", "model.dropout=0.5", "seed=1"]
        specs = [flatten(planner.plan([*IRIS, *each], sweep=False).runs[0].spec) for each in ([], words)]
        factors = factors_of(changes_between(*specs, catalog))
        assert {factor.key: len(factor.changes) for factor in factors} == {"optimizer": 3, "model.dropout": 1}
        assert [factor.is_one_value for factor in factors] == [False, True]
        both = factors[1].put_into(factors[0].put_into(*specs), specs[1])
        assert {**both, "seed": 1} == specs[1]

    def test_other_data_is_one_factor_with_what_follows_it(self, planner: Planner, catalog: Catalog) -> None:
        specs = [flatten(planner.plan([data], sweep=False).runs[0].spec) for data in ("data=iris", "data=diabetes")]
        assert [factor.key for factor in factors_of(changes_between(*specs, catalog))] == ["data"]


class TestSurroundings:
    def test_versions_settings_and_commits(self) -> None:
        first = described({"packages": {"keras": "3.1"}, "settings": {}, "git": {"commit": "a" * 40}, "python": "3.11"})
        second = described({"packages": {"keras": "3.2"}, "settings": {"OMP_NUM_THREADS": "1"}, "command": "dlrun"})
        assert [str(each) for each in otherwise(first, second)] == [
            "keras: 3.1 -> 3.2",
            "OMP_NUM_THREADS: not set -> 1",
        ]

    def test_a_diff_counts_by_its_digest_wherever_it_stands(self) -> None:
        digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # sha256 of b"test"
        first, second = described({"git": {"diff": "test"}}), described({"git": {"diff": digest}})
        assert first == second == {"what was not committed": digest[:12]}


class TestCourses:
    NAMES = ("a", "b")

    @pytest.mark.parametrize(
        ("first", "second", "says"),
        [
            ((1, 2, 3), (1, 2, 3), "m: the same in every epoch"),
            ((1, 2, 3), (0, 1, 2), "m: a was ahead in every epoch"),
            ((1, 1, 3), (1, 2, 4), "m: b was ahead from epoch 2 on"),
            ((1, 2, 3, 4), (0, 3, 4, 5), "m: a was ahead until epoch 1, b from epoch 2 on"),
            ((1, 2, 3), (0, 1, 4), "m: a was ahead until epoch 2, b at the end (epoch 3)"),
            ((1, 1, 1, 1), (0, 2, 0, 2), "m: the lead changed 3 times; b was ahead at the end (epoch 4)"),
            ((1, math.nan), (0, 0), "m: a was ahead until epoch 1, b at the end (epoch 2)"),
        ],
    )
    def test_who_led(self, first: Any, second: Any, says: str) -> None:
        assert who_led(Course("m", first, second, "max"), self.NAMES) == says

    def test_where_they_part(self) -> None:
        assert Course("loss", (1.0, math.nan), (1.0, math.nan), "min").parts_at is None
        assert Course("loss", (1.0, 2.0), (1.0, np.nextafter(2.0, 3.0)), "min").parts_at == 2
        assert Course("loss", (1.0,), (1.0, 2.0), "min").parts_at == 2

    def test_less_leads_where_less_is_better(self) -> None:
        assert Course("loss", (1.0, 1.0), (2.0, 0.5), "min").leads == [(1, 1), (2, 2)]


class TestWhy:
    def test_pairs_are_those_of_the_same_seed_and_data(self, written: Written) -> None:
        runs = trials(written)
        written.run([rate(0.01), "seed=9"], 0.1)  # no partner
        written.run([rate(0.001), "model.dropout=0.5"], 0.1)  # another trial
        written.run([rate(0.001)], 0.1, digest="e" * 64, id="0" * 16)  # other rows, and the newest of its seed
        sure = written.pair(runs[0.001, 0], runs[0.01, 1]).sureness("test_accuracy")
        assert sure.difference == paired_difference(SCORES[0.01], SCORES[0.001])
        assert (sure.pairs, sure.is_paired, sure.is_settled) == (5, True, True)

    def test_it_is_said_in_words(self, written: Written) -> None:
        runs = trials(written)
        text = told(written.pair(runs[0.001, 0], runs[0.01, 0]))
        assert "optimizer.learning_rate: 0.001 (the default) against 0.01." in text
        assert "test_accuracy is 0.9000 with learning_rate=0.001 and 0.9500 with learning_rate=0.01:" in text
        assert "learning_rate=0.01 is better by 0.0500." in text
        assert "They are the same to the bit until epoch 1." in text
        assert "Over 5 seeds of each, test_accuracy is better by 0.0500 with learning_rate=0.01" in text
        assert "more than luck" in text
        assert explain(written.pair(runs[0.001, 0], runs[0.01, 0]), "test_accuracy").commands == ()

    def test_the_other_way_round_it_says_the_same(self, written: Written) -> None:
        runs = trials(written)
        text = told(written.pair(runs[0.01, 0], runs[0.001, 0]))
        assert "Over 5 seeds of each, test_accuracy is better by 0.0500 with learning_rate=0.01" in text
        assert "95% interval 0.0" in text  # of what is better, not of what was named second

    def test_a_pair_that_is_an_exception_is_called_one(self, written: Written) -> None:
        runs = trials(written, {0.001: (0.99, 0.80, 0.81), 0.01: (0.98, 0.90, 0.93)})
        assert "an exception" in told(written.pair(runs[0.001, 0], runs[0.01, 0]))
        assert "an exception" not in told(written.pair(runs[0.001, 1], runs[0.01, 1]))

    def test_one_seed_each_tells_nothing_and_the_command_asks_for_both_trials(self, written: Written) -> None:
        runs = trials(written, {0.001: (0.9,), 0.01: (0.99,)})
        answer = explain(written.pair(runs[0.001, 0], runs[0.01, 0]), "test_accuracy")
        assert "cannot be told from luck" in answer.how_sure[0]
        (command,) = answer.commands
        assert len(asked := written.ids_of(command)) == 10
        assert asked >= {*runs.values()}

    def test_two_seeds_get_an_interval_and_a_warning(self, written: Written) -> None:
        runs = trials(written, {0.001: (0.90, 0.92), 0.01: (0.93, 0.96)})
        _, warning = explain(written.pair(runs[0.001, 0], runs[0.01, 0]), "test_accuracy").how_sure[:2]
        assert "Two pairs: the interval rests on a normal distribution" in warning

    def test_a_trial_that_never_finished_is_counted(self, written: Written) -> None:
        first, second = written.run([rate(0.1)], 0.9, status="diverged"), written.run([], 0.8)
        sentence = explain(written.pair(first, second), "test_accuracy").how_sure[0]
        assert "known of 0 finished runs of the first setting and 1 of the second" in sentence

    def test_too_few_seeds_are_completed_to_what_would_settle_it(self, written: Written) -> None:
        runs = trials(written, {0.001: (0.90, 0.92, 0.97), 0.01: (0.93, 0.93, 0.95)})
        pair = written.pair(runs[0.001, 0], runs[0.01, 0])
        sure, answer = pair.sureness("test_accuracy"), explain(pair, "test_accuracy")
        assert sure.more is not None
        assert f"about {sure.more} more seeds" in answer.how_sure[0]
        assert "3 seeds are few" in answer.how_sure[1]
        assert len(written.ids_of(answer.commands[0])) == 2 * (3 + sure.more)

    def test_seeds_alone_are_luck(self, written: Written) -> None:
        runs = trials(written)
        text = told(written.pair(runs[0.01, 0], runs[0.01, 1]))
        sd = float(np.std(SCORES[0.01], ddof=1))
        assert "They differ in seed alone, so that the difference is luck" in text
        assert f"a standard deviation of {sd:.4f}: two of them differ by {2 / math.sqrt(math.pi) * sd:.4f}" in text

    def test_several_causes_cannot_be_told_apart_and_the_command_would(self, written: Written) -> None:
        first = written.run([rate(0.001), "model.dropout=0"], 0.9)
        second = written.run([rate(0.01), "model.dropout=0.5"], 0.8)
        answer = explain(written.pair(first, second), "test_accuracy")
        assert "optimizer.learning_rate and model.dropout differ at once" in answer.how_sure[1]
        (command,) = answer.commands  # all four combinations
        assert len(asked := written.ids_of(command)) == 20
        assert asked > {first, second}

    def test_runs_that_differ_in_one_cause_alone_are_used(self, written: Written) -> None:
        words = {("0.001", 0): 0.90, ("0.01", 0): 0.80, ("0.01", 0.5): 0.70}
        for (value, dropout), score in words.items():
            for seed in (0, 1):
                last = written.run([rate(float(value)), f"model.dropout={dropout}", f"seed={seed}"], score + seed / 100)
        first = written.planner.plan([*IRIS, rate(0.001)], sweep=False).runs[0].id
        pair = written.pair(first, last)
        singles = {single.factor.key: single for single in pair.singles("test_accuracy")}
        assert singles.keys() == {"optimizer.learning_rate", "model.dropout"}
        differences = [single.sureness.difference.mean for single in singles.values() if single.sureness.difference]
        assert differences == pytest.approx([-0.1, -0.1])
        assert [single.around for single in singles.values()] == [1, 2]
        assert "optimizer.learning_rate: 0.001 (the default) against 0.01, the rest as in run" in told(pair)

    def test_an_option_with_its_parameters_is_exchanged_whole(self, written: Written) -> None:
        first = written.run(["optimizer=sgd", "optimizer.momentum=0.9", "model.dropout=0.5", "trainer.epochs=4"], 0.9)
        second = written.run(["optimizer.beta_1=0.8"], 0.8)
        pair = written.pair(first, second)
        commands = separating(pair, pair.factors, 1)
        specs = [
            {"optimizer": "adam", "dropout": 0.5, "epochs": 4},
            {"optimizer": "sgd", "dropout": 0.5, "epochs": 3},
            {"optimizer": "sgd", "dropout": 0.0, "epochs": 4},
        ]
        found = []
        for command in commands:
            words = [word for word in shlex.split(command)[2:] if word not in ("--seeds", "1")]
            (run,) = written.planner.plan(words, sweep=False).runs
            spec = run.spec
            found.append(
                {
                    "optimizer": spec["optimizer"]["option"],
                    "dropout": spec["model"]["dropout"],
                    "epochs": spec["trainer"]["epochs"],
                }
            )
            assert spec["optimizer"].get("momentum", 0.9) == 0.9
            assert spec["optimizer"].get("beta_1", 0.8) == 0.8
        assert sorted(found, key=str) == sorted(specs, key=str)

    def test_folds_are_repeated_as_folds(self, written: Written) -> None:
        split = ["split=kfold", "split.folds=4"]
        first = written.run([*split, "split.fold=1", rate(0.1)], 0.9)
        second = written.run([*split, "split.fold=1"], 0.8)
        (command,) = repeating(written.pair(first, second), 5)
        assert command.endswith("--folds 4")
        assert written.ids_of(command) > {first, second}

    def test_other_content_is_a_cause_like_any_other(self, written: Written) -> None:
        for seed in range(5):
            first = written.run([rate(0.001), f"seed={seed}"], 0.90 + seed / 1000)
            second = written.run([rate(0.01), f"seed={seed}"], 0.95 + seed % 2 / 1000, digest="e" * 64)
        pair = written.pair(first, second)
        assert [cause.key for cause in pair.causes] == ["optimizer.learning_rate", "the content of the data"]
        text = told(pair)
        assert "optimizer.learning_rate and the content of the data differ at once" in text
        assert "with learning_rate=0.01 than" not in text  # it is not known to have done it
        commands = explain(pair, "test_accuracy").commands
        assert {len(written.ids_of(command)) for command in commands} == {10}  # both rates on the content as it is now
        for seed in range(5):
            written.run([rate(0.01), f"seed={seed}"], 0.93 + seed % 2 / 1000, id=f"{seed}" * 16)
        singles = {single.factor.key: single for single in written.pair(first, second).singles("test_accuracy")}
        differences = [each.sureness.difference for each in singles.values()]
        assert [each.mean for each in differences if each] == pytest.approx([0.0284, 0.02])
        assert "No run differs" not in told(written.pair(first, second))

    def test_seeds_on_other_content_are_not_luck(self, written: Written) -> None:
        first, second = written.run([], 0.9), written.run(["seed=1"], 0.8, digest="e" * 64)
        assert "so that the difference is luck" not in told(written.pair(first, second))

    def test_an_effect_that_turns_round_is_told_on_both_sides(self, written: Written) -> None:
        ids = {}
        for value, dropout, score in ((0.001, 0, 0.90), (0.01, 0, 0.95), (0.001, 0.5, 0.94), (0.01, 0.5, 0.85)):
            for seed in range(5):
                words = [rate(value), f"model.dropout={dropout}", f"seed={seed}"]
                ids[value, dropout] = written.run(words, score + (seed * (3 + dropout + value) % 4) / 1000)
        text = told(written.pair(ids[0.001, 0], ids[0.01, 0.5]))
        assert "higher with the second (5 seeds" in text
        assert "lower with the second (5 seeds" in text
        assert "So what optimizer.learning_rate does depends on model.dropout." in text
        assert "So what model.dropout does depends on optimizer.learning_rate." in text

    def test_an_effect_that_turns_round_by_a_hair_may_be_luck(self, written: Written) -> None:
        ids = {}
        low, high = (0.90, 0.91), (0.92, 0.905)
        for value, dropout, scores in ((0.001, 0, low), (0.01, 0, high), (0.001, 0.5, high), (0.01, 0.5, low)):
            for seed, score in enumerate(scores):
                ids[value, dropout] = written.run([rate(value), f"model.dropout={dropout}", f"seed={seed}"], score)
        text = told(written.pair(ids[0.001, 0], ids[0.01, 0.5]))
        assert "what optimizer.learning_rate does depends on model.dropout, or it is luck." in text

    def test_a_split_alone_is_not_told_from_the_setting(self, written: Written) -> None:
        for seed in range(4):
            first = written.run([rate(0.001), "split.seed=0", f"seed={seed}"], 0.90 + seed / 1000)
            second = written.run([rate(0.01), "split.seed=1", f"seed={seed}"], 0.95 + seed / 900)
        pair = written.pair(first, second)
        sure = pair.sureness("test_accuracy")
        assert (sure.confounds, sure.is_settled, sure.probability) == (True, False, None)
        assert "what the split did and what the setting did cannot be told apart" in told(pair)
        assert explain(pair, "test_accuracy").commands

    @pytest.mark.parametrize("is_paired", [True, False])
    def test_splits_of_the_same_rows_are_corrected_for(self, written: Written, is_paired: bool) -> None:
        samples = {"train": 90, "test": 30}
        values = [0.90, 0.91, 0.92, 0.93], [0.93, 0.94, 0.95, 0.93]
        begin = 0 if is_paired else 10
        for seed, (score, other) in enumerate(zip(*values, strict=True)):
            first = written.run([rate(0.001), f"split.seed={seed}"], score, samples=samples)
            second = written.run([rate(0.01), f"split.seed={begin + seed}"], other, samples=samples)
        difference = paired_difference if is_paired else unpaired_difference
        expected = difference(values[1], values[0], 1 / 3)
        found = written.pair(first, second).sureness("test_accuracy").difference
        assert found is not None and found.p is not None
        assert found == expected
        assert found.p > (difference(values[1], values[0]).p or 1.0)

    def test_pairs_on_one_split_are_independent_whatever_else_was_run(self, written: Written) -> None:
        samples = {"train": 90, "test": 30}
        runs = [
            [written.run([rate(value), f"seed={seed}"], score, samples=samples) for seed, score in enumerate(row)]
            for value, row in SCORES.items()
        ]
        written.run([rate(0.01), "split.seed=7"], 0.1, samples=samples)  # no partner
        found = written.pair(runs[0][0], runs[1][0]).sureness("test_accuracy")
        assert (found.difference, found.over) == (paired_difference(SCORES[0.01], SCORES[0.001]), "seed")

    def test_two_seeds_that_differ_little_say_nothing_yet(self, written: Written) -> None:
        runs = trials(written, {0.001: (0.90, 0.93), 0.01: (0.93, 0.9000001)})
        answer = explain(written.pair(runs[0.001, 0], runs[0.01, 0]), "test_accuracy")
        assert answer.how_sure[0].endswith("nothing can be said yet, 2 seeds are too few.")
        assert len(written.ids_of(answer.commands[0])) == 10
        runs = trials(written, {0.1: (0.90, 0.93, 0.9, 0.93, 0.91, 0.91), 0.2: (0.93, 0.90, 0.93, 0.9, 0.91, 0.91)})
        answer = explain(written.pair(runs[0.1, 0], runs[0.2, 0]), "test_accuracy")
        assert "no difference is seen" in answer.how_sure[0]
        assert answer.commands == ()

    def test_a_pair_is_said_to_be_taken_alone(self, written: Written) -> None:
        runs = trials(written)
        assert "The two were taken alone: p is for a pair" in told(written.pair(runs[0.001, 0], runs[0.01, 0]))

    def test_among_many_trials_the_corrected_p_is_told(self, written: Written) -> None:
        draws = np.random.default_rng(4).normal(0.9, 0.01, (8, 3)).round(4)
        runs = trials(written, {(place + 1) / 1000: row.tolist() for place, row in enumerate(draws)})
        folder = written.work / "sweeps" / ("5" * 16)
        folder.mkdir(parents=True)
        named = [{"id": "1", "name": "", "overrides": [], "runs": list(runs.values())}]
        (folder / "sweep.json").write_text(json.dumps({"name": "s", "started": 1.0, "trials": named}))
        order = [(int(place) + 1) / 1000 for place in np.argsort(-draws.mean(axis=1))]
        best, worst, middle = order[0], order[-1], order[4]
        found = compare(read_runs(written.work), "test_accuracy").ranked
        adjusted = next(row.p for row in found if row.settings["optimizer.learning_rate"] == worst)
        pair = written.pair(runs[worst, 0], runs[best, 0])
        among = pair.among("test_accuracy")
        assert among is not None
        assert (among.trials, among.p) == (8, adjusted)
        assert "They are among the 8 trials of sweep 55555555: corrected for the best" in told(pair)
        assert "and neither is the best" in told(written.pair(runs[worst, 0], runs[middle, 0]))

    def test_other_data_is_not_compared(self, written: Written) -> None:
        first, second = written.run([], 0.9), written.run(["data=wine"], 0.1)
        text = told(written.pair(first, second))
        assert "They learned from different data (iris and wine)" in text
        assert "better" not in text

    def test_edited_rows_are_named_and_are_no_repetition(self, written: Written) -> None:
        first, second = written.run([], 0.9), written.run([], 0.8, digest="e" * 64, id="1" * 16)
        pair = written.pair(first, second)
        assert "The content of the data: its digests are dddddddddddd and eeeeeeeeeeee." in told(pair)
        assert pair.sureness("test_accuracy").difference is not None
        assert "Not at all: with one seed each" in told(pair)

    def test_nothing_but_the_code_is_left(self, written: Written) -> None:
        first, second = written.run([], 0.9), written.run([], 0.8, id="1" * 16)
        text = told(written.pair(first, second))
        assert "a component or an option of the project was changed between the two" in text

    def test_what_the_diagnosis_found_in_one_alone_is_told(self, written: Written) -> None:
        finding = {"kind": "overfitting", "finding": "It overfits.", "evidence": "val_loss rose", "try": ""}
        first = written.run(
            [rate(0.1)],
            0.9,
            status="diverged",
            diagnosis=[finding],
            cause={"kind": "nan", "message": "the loss is NaN"},
        )
        second = written.run([], 0.8)
        text = told(written.pair(first, second))
        assert "learning_rate=0.1: It overfits (val_loss rose)." in text
        assert "learning_rate=0.1 diverged: nan: the loss is NaN." in text


class TestVerbs:
    def test_diff_fits_the_terminal_and_programs_get_all_of_it(
        self, written: Written, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = trials(written, {0.001: (0.9,), 0.01: (0.99,)})
        monkeypatch.setenv("COLUMNS", "80")
        assert main(["diff", runs[0.001, 0][:8], runs[0.01, 0][:8]]) == 0
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= 80
        for text in ("0.001 (default)   0.01", "+0.0900", "▁", "epoch 2", "The same: data and environment."):
            assert text in out
        assert main(["diff", runs[0.001, 0], runs[0.01, 0], "--json"]) == 0
        rows = {(row["kind"], row["key"]): row for row in json.loads(capsys.readouterr().out)}
        assert rows["setting", "optimizer.learning_rate"]["second"] == 0.01
        assert rows["metric", "test_accuracy"]["difference"] == pytest.approx(0.09)
        assert rows["curve", "val_accuracy"]["first"] == [0.5, 0.9]
        assert rows["curve", "val_accuracy"]["note"]["first_differ"] == 2

    def test_diff_names_the_epoch_of_a_metric(self, written: Written, capsys: pytest.CaptureFixture[str]) -> None:
        metrics = {"test_loss": 0.3, "val_loss": 0.9, "best_val_loss": 0.2, "restored_val_loss": 0.25}
        first = written.run([], 0.0, metrics=metrics)
        second = written.run([rate(0.1)], 0.0, metrics={name: value * 2 for name, value in metrics.items()})
        assert main(["diff", first, second, "--csv"]) == 0
        rows = {
            row["key"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out)) if row["kind"] == "metric"
        }
        found = {name: (float(row["first"]), row["note"]) for name, row in rows.items()}
        assert found == {
            "test_loss": (0.3, "of the kept weights"),
            "val_loss": (0.25, "of the kept weights"),
            "best_val_loss": (0.2, "of the best epoch"),
            "last_val_loss": (0.9, "of the last epoch"),
        }
        assert float(rows["last_val_loss"]["difference"]) == pytest.approx(0.9)
        assert main(["diff", first, second]) == 0
        shown = next(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("val_loss"))
        assert shown == ["val_loss", "0.2500", "0.5000", "+0.2500"]

    def test_who_is_ahead_goes_by_the_goal_of_the_projects_own_metric(self, written: Written, work: Path) -> None:
        folder = work / "conf" / "metric"
        folder.mkdir(parents=True)
        (folder.parent / "project.yaml").write_text("components: []\n")
        (folder / "waste.yaml").write_text("_target_: keras.metrics.MeanAbsoluteError\n_goal_: min\n")
        catalog = Catalog(Roots.of(work))
        (course,) = courses_of({"val_waste": (3.0, 2.0)}, {"val_waste": (1.0, 1.0)}, catalog)
        assert course.leads == [(2, 1)]
        sides, curves = find_two(written.run([], 0.9), written.run([rate(0.1)], 0.8), work, catalog), ((3.0,), (1.0,))
        first, second = (replace(side, curves={"val_waste": curve}) for side, curve in zip(sides, curves, strict=True))
        (course,) = Pair(first, second, catalog, Pool((), catalog)).courses
        assert course.leads == [(2, 1)]

    def test_why_as_json(self, written: Written, capsys: pytest.CaptureFixture[str]) -> None:
        runs = trials(written)
        assert main(["why", runs[0.001, 0], runs[0.01, 0], "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["factors"] == ["optimizer.learning_rate"]
        assert found["replicates"] == [list(SCORES[0.001]), list(SCORES[0.01])]
        assert found["settled"] is True
        assert found["difference"]["mean"] == pytest.approx(0.05)

    def test_both_wrong_names_are_told_at_once(self, written: Written, capsys: pytest.CaptureFixture[str]) -> None:
        run = written.run([], 0.9)
        assert main(["why", "zzz", "qqq"]) == 2
        err = capsys.readouterr().err
        assert "'zzz' must be" in err
        assert "'qqq' must be" in err
        assert main(["diff", run, run[:6]]) == 2
        assert f"{run} and {run[:6]} are both run {run[:8]}" in capsys.readouterr().err
        second = written.run([rate(0.1)], 0.9)
        assert main(["why", run, second, "--metric", "test_acuracy"]) == 2
        assert "Did you mean --metric test_accuracy?" in capsys.readouterr().err
