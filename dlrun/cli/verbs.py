"""The verbs, a line each; where a verb's command lies is looked up when it is called."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["VERBS", "Verb"]


class Verb(NamedTuple):
    """`target` is `module:attribute` of a click command."""

    target: str
    help: str


VERBS = {
    "train": Verb("dlrun.cli.train:command", "Train one run, or with -m a sweep (the default verb)."),
    "ls": Verb("dlrun.cli.ls:command", "List groups and options, a line each."),
    "show": Verb("dlrun.cli.show:command", "Show one option, experiment or key: parameters, bounds, defaults."),
    "config": Verb("dlrun.cli.config:command", "Show the resolved config, and what differs from the defaults."),
    "check": Verb("dlrun.cli.check:command", "Try a run or a sweep without training: memory, time, mistakes."),
    "schema": Verb("dlrun.cli.schema:command", "JSON Schema of config files, for editors."),
    "init": Verb("dlrun.cli.init:command", "Look at a file or folder of yours, and write the config for it."),
    "runs": Verb("dlrun.cli.runs:command", "List sweeps and runs; tag, archive or delete them."),
    "compare": Verb("dlrun.cli.compare:command", "Rank trials, with uncertainty."),
    "diff": Verb("dlrun.cli.diff:command", "Show two runs side by side."),
    "why": Verb("dlrun.cli.why:command", "Say what two runs differ in, by how much, how sure."),
    "resume": Verb("dlrun.cli.resume:command", "Go on with what was interrupted."),
    "reproduce": Verb("dlrun.cli.reproduce:command", "Train a run again: is it the same?"),
    "evaluate": Verb("dlrun.cli.evaluate:command", "Measure a finished run on other data."),
    "predict": Verb("dlrun.cli.predict:command", "Predict new rows, images or texts."),
    "sync": Verb("dlrun.cli.sync:command", "Send what the tracking stores have not got yet."),
    "ui": Verb("dlrun.cli.ui:command", "Open MLflow's UI on the store, safely."),
    "clean": Verb("dlrun.cli.clean:command", "Free the disk of what nothing needs."),
    "doctor": Verb("dlrun.cli.doctor:command", "Check environment, store and disk, or diagnose a run."),
}
