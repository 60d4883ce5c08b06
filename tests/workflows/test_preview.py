"""`dlrun check --preview`: a picture of samples and of what training makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.analysis.sample_grid import Samples, write_samples
from dlrun.planning import Planner
from dlrun.workflows.preview import preview

Dlrun = Callable[..., subprocess.CompletedProcess[str]]


def pixels(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def drawn(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[Samples, str]:
    """What would be drawn, and its title."""
    seen: list[Any] = []
    monkeypatch.setattr("dlrun.workflows.preview.write_samples", lambda *given: seen.append(given))
    planner = Planner(folder)
    (run,) = planner.plan([*words, "trainer.device=cpu"], sweep=False).runs
    preview(run.spec, planner.catalog, run.id)
    ((samples, path, title),) = seen
    assert path == folder / "plots" / f"samples_{run.id[:8]}.png"
    return samples, title


def test_a_sample_of_each_class_and_seven_versions(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, title = drawn(work, monkeypatch, "augment=[random_rotation]")
    assert samples.titles == ["0", "1", "2", "3", "4", "5"]
    assert samples.originals.shape == (6, 8, 8, 1) and samples.originals.max() <= 1
    assert len({version.tobytes() for version in samples.versions}) == 7
    assert not any(np.array_equal(version, samples.originals) for version in samples.versions)
    assert title == "data=digits   preprocess=auto   augment: random_rotation"


def test_a_class_is_taken_twice_where_there_are_few(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, title = drawn(work, monkeypatch, "data=wine")
    assert samples.titles == ["class_0", "class_0", "class_1", "class_1", "class_2", "class_2"]
    assert samples.versions == [] and title.endswith("augment: none")


def test_numbers_from_the_least_to_the_greatest(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, _ = drawn(work, monkeypatch, "data=diabetes")
    values = [float(title) for title in samples.titles]
    assert values == sorted(values) and values[0] < 40 and values[-1] > 300, "in the data's units"


@pytest.mark.parametrize("shape", [(9, 7, 1), (9, 7, 3), (12, 2), (60, 9), (5,), (200,)], ids=str)
def test_every_kind_of_sample_is_drawn(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    originals, titles = rng.normal(size=(4, *shape)), [f"sample {i}" for i in range(4)]
    sizes = []
    for versions in ([], [originals + 0.1, originals * 0]):
        path = tmp_path / "plots" / f"{len(versions)}.png"
        write_samples(Samples(originals, versions, titles), path, "title")
        picture = pixels(path)
        assert picture.std() > 5, "not blank"
        sizes.append(picture.shape)
    assert sizes[0] != sizes[1]


def test_an_image_is_black_at_its_least_and_white_at_its_greatest(tmp_path: Path) -> None:
    """Standardized images are not cut off at 0 and 1."""
    originals = np.stack([np.full((6, 6, 1), value) for value in (-3.0, 3.0)])
    write_samples(Samples(originals, [originals], ["dark", "light"]), tmp_path / "p.png", "")
    counts = [(pixels(tmp_path / "p.png") == value).all(axis=2).mean() for value in (0, 255)]
    assert counts[0] > 0.1 and counts[1] > 0.1


def test_at_the_terminal(dlrun: Dlrun, work: Path) -> None:
    done = dlrun("check", "--preview", "--out", "mine/p.png", "augment=[random_flip]")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Samples: mine/p.png\n", "")
    assert [path.name for path in work.iterdir()] == ["mine"]
    for words, says in {
        ("--out", "p.png"): "Add --preview",
        ("--preview", "--out", "p.jpg"): "must be a file that ends in .png; got p.jpg",
        ("--preview", "-m", "seed=0,1"): "one run",
    }.items():
        refused = dlrun("check", *words)
        assert refused.returncode == 2 and says in refused.stderr
