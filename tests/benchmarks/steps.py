"""What a training step costs under `model.fit` and under the engine `fused`."""

from __future__ import annotations

import json
import statistics

import click

from tests.benchmarks.timing import Bench, spent

__all__ = ["measure"]

_MODELS = {
    "MLP 64-64 on digits, batch 32": ["model=mlp"],
    "small CNN on digits, batch 32": ["model=cnn", "model.filters=[16,32]"],
    "LSTM 32 on digits as rows, batch 32": ["model=lstm", "data.layout=rows", "model.units=[32]"],
    "MLP 1024-1024 on digits, batch 128": ["model=mlp", "model.hidden=[1024,1024]", "trainer.batch_size=128"],
    "CNN 64-128-128 on digits, batch 64": ["model=cnn", "model.filters=[64,128,128]", "trainer.batch_size=64"],
}
_OURS = "fused"


def measure(bench: Bench) -> None:
    """Print a table a model: milliseconds a step, and how many times faster `fused` is."""
    for title, words in _MODELS.items():
        place = bench.place("steps")
        script = ["-m", "tests.benchmarks.steps_script", str(2 * bench.repeats + 1), *words]
        found: dict[str, list[float]] = json.loads(spent(script, place)[1].splitlines()[-1])
        middle = {name: statistics.median(values) for name, values in found.items()}
        click.echo(f"\nA training step, {title}: the same bits under fit and fused")
        for name, values in found.items():
            spread = f"{min(values):.3f} - {max(values):.3f}"
            ratio = "" if name == _OURS else f"  fused is {middle[name] / middle[_OURS]:.1f}x faster"
            click.echo(f"  {name:28}  {middle[name]:>7.3f} ms  {spread:>15}{ratio}")
