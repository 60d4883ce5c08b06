"""The built wheel, installed without dependencies into a copy of the environment, works from an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment that sees this one's packages, and dlrun from its wheel only."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    packed = ("dlrun", "hydra_plugins", "conf", "experiments", "pyproject.toml", "README.md")
    source.mkdir()
    for name in packed:
        call(["cp", "-R", str(REPOSITORY / name), str(source)])
    call([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)])
    call([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")])
    site = next((folder / "env").glob("lib/python*/site-packages"))
    # Plain paths in a .pth are searched, but the .pth files in them (the editable install of dlrun) are not read.
    (site / "environment.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    (wheel,) = folder.glob("*.whl")
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    call([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    return python.parent


def call(words: list[str], cwd: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_carries_options_experiments_and_shims(installed: Path, tmp_path: Path) -> None:
    where = "import dlrun, hydra_plugins.dlrun as h; print(dlrun.__file__); print(h.__file__)"
    files = call([str(installed / "python"), "-c", where], cwd=tmp_path).splitlines()
    assert all(str(installed.parent) in file for file in files)
    assert "adam" in call([str(installed / "dlrun"), "ls", "optimizer"], cwd=tmp_path)
    assert "digits_rate_and_dropout" in call([str(installed / "dlrun"), "ls", "experiment"], cwd=tmp_path)


def test_it_trains_a_sweep(installed: Path, tmp_path: Path) -> None:
    words = ["-m", "data=iris", "trainer.epochs=1", "seed=0,1"]
    assert "test_accuracy" in call([str(installed / "dlrun"), *words], cwd=tmp_path)
    assert {"mlflow.db", "runs", "sweeps"} <= {path.name for path in tmp_path.iterdir()}
