"""Find runs by what people call them: `last`, `best`, `best@METRIC`, a short id, a path, an experiment's name."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.analysis.datasets import data_sets, newest_data
from dlrun.analysis.ranking import best_of, checked_metric, default_metric, goal_of, value_of
from dlrun.analysis.runs import RunRecord, SweepRecord, read_run, read_runs, read_sweep, read_sweeps
from dlrun.analysis.trials import group, varying_keys
from dlrun.config.catalog import Catalog
from dlrun.config.suggest import did_you_mean
from dlrun.errors import UserError

__all__ = [
    "Best",
    "Selection",
    "best_of_each",
    "best_trial",
    "find_all",
    "find_run",
    "find_runs",
    "unarchived",
    "without_archived",
]

_ID_LENGTH = 16
_SHOWN = 6


@dataclass(frozen=True)
class Selection:
    """The runs that a word addresses.

    Attributes:
        title: what they are, as a heading: `sweep 1a2b3c4d`, `run 5e6f7a8b`, `experiment E083`.
        runs: oldest first; of a sweep in the order of its trials.
        sweep: the sweep that they are, or None.
        archived: how many more there are that were left out because they are archived.
    """

    title: str
    runs: tuple[RunRecord, ...]
    sweep: SweepRecord | None = None
    archived: int = 0


def find_runs(which: str, work: Path, catalog: Catalog | None = None) -> Selection:
    """The runs that `which` addresses: those of a sweep or an experiment, or a single run.

    Args:
        which: `last` (the newest sweep, or run outside one, that is not archived), `best` or `best@METRIC` (see
            `find_run`), a unique start of a run's or sweep's id, the path of a run, a sweep or a folder of runs, or an
            experiment's name.
        work: the folder that holds `runs/` and `sweeps/`.
        catalog: tells which direction of a metric is better; None goes by the metric's name.

    Raises:
        UserError: nothing or more than one thing is called that.
    """
    if which == "last":
        return _newest(work)
    if which == "best" or which.startswith("best@"):
        return _single(_best(which, read_runs(work), catalog))
    for find in (_by_path, _by_id, _by_experiment):
        if found := find(which, work):
            return found
    raise _unknown(which, work)


def find_all(words: Sequence[str], work: Path, catalog: Catalog | None = None, archived: bool = True) -> Selection:
    """The runs that any of `words` addresses, each once; see `find_runs`.

    Args:
        archived: whether archived ones are among them; a run that is addressed by itself is, either way.

    Raises:
        UserError: as `find_runs`.
    """
    found = [find_runs(word, work, catalog) for word in dict.fromkeys(words)]
    if not archived:
        found = [without_archived(each) for each in found]
    if len(found) == 1:
        return found[0]
    runs = {run.id: run for each in found for run in each.runs}
    title = " and ".join(each.title for each in found)
    return Selection(title, tuple(runs.values()), archived=sum(each.archived for each in found))


def without_archived(selection: Selection) -> Selection:
    """The same without its archived runs, which are counted; a single run stays."""
    kept = unarchived(selection.runs)
    if len(kept) == len(selection.runs) or (len(selection.runs) == 1 and selection.sweep is None):
        return selection
    return Selection(selection.title, tuple(kept), archived=len(selection.runs) - len(kept))


def find_run(which: str, work: Path, catalog: Catalog | None = None) -> RunRecord:
    """The one run that `which` addresses.

    `last` is the newest run. `best` is the best run of the trial with the best mean, among the runs on the data of the
    newest finished one: a lucky seed of a worse trial is not the best. A sweep or an experiment stands for its best
    run in the same sense.

    Raises:
        UserError: nothing or more than one thing is called that, or what is has no run.
    """
    if which == "last":
        runs = unarchived(read_runs(work))
        if not runs:
            raise _nothing(work)
        return runs[-1]
    found = find_runs(which, work, catalog)
    return found.runs[0] if len(found.runs) == 1 else _best("best", found.runs, catalog)


def _newest(work: Path) -> Selection:
    """What was begun last and is not put away."""
    sweeps, runs = read_sweeps(work), read_runs(work)
    known = {run.id: run for run in runs}
    swept = {run for sweep in sweeps for run in sweep.run_names}
    alone = unarchived([run for run in runs if run.id not in swept])
    sweeps = [sweep for sweep in sweeps if not _is_put_away(sweep, known)]
    if sweeps and (not alone or sweeps[-1].started >= (alone[-1].started or 0.0)):
        return _swept(sweeps[-1], known)
    if not alone:
        raise _nothing(work)
    return _single(alone[-1])


def unarchived(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Those that lists, leaderboards and `best` go by."""
    return [run for run in runs if not run.labels.is_archived]


def _is_put_away(sweep: SweepRecord, known: Mapping[str, RunRecord]) -> bool:
    names = sweep.run_names
    return bool(names) and all(run in known and known[run].labels.is_archived for run in names)


@dataclass(frozen=True)
class Best:
    """The best run on one data set.

    Attributes:
        run: the best run of the trial with the best mean.
        data: the data set, as a heading has it.
        mean: of that trial, in `metric`.
    """

    run: RunRecord
    data: str
    metric: str
    mean: float


def best_of_each(runs: Sequence[RunRecord], catalog: Catalog | None = None) -> list[Best]:
    """The best run of each data set, those that were put away and those that only tried a few batches left out."""
    found = []
    for data in data_sets(unarchived(runs)):
        metric = default_metric(data.runs)
        best = best_trial(data.runs, metric, catalog)
        if best is not None and not best[0].is_dev_run:
            found.append(Best(best[0], data.title, metric, best[1]))
    return found


def best_trial(
    runs: Sequence[RunRecord], metric: str, catalog: Catalog | None = None
) -> tuple[RunRecord, float] | None:
    """The best run of the trial with the best mean of `metric`, and that mean; None when no finished run has it."""
    goal = goal_of(metric, catalog)
    finished = [run for run in runs if run.status == "finished"]
    values = {run.id: value for run in finished if (value := value_of(run, metric)) is not None}
    trials = [[run for run in trial.runs if run.id in values] for trial in group(finished, varying_keys(finished))]
    means = {i: sum(values[run.id] for run in trial) / len(trial) for i, trial in enumerate(trials) if trial}
    if not means:
        return None
    best = best_of(means.values(), goal)
    trial = next(trials[i] for i, mean in means.items() if mean == best)
    value = best_of((values[run.id] for run in trial), goal)
    return next(run for run in trial if values[run.id] == value), best


def _best(which: str, runs: Sequence[RunRecord], catalog: Catalog | None) -> RunRecord:
    finished = [run for run in unarchived(runs) if run.status == "finished"]
    if not finished:
        raise UserError(f"{which} needs a finished run; there is none yet. dlrun runs lists what there is.")
    same = newest_data(finished)
    _, _, named = which.partition("@")
    metric = checked_metric(named, same, typed_as="best@{}") if named else default_metric(same)
    found = best_trial(same, metric, catalog)
    if found is None:
        raise UserError(f"{which} needs a finished run that has {metric}; none has.")
    return found[0]


def _by_path(which: str, work: Path) -> Selection | None:
    path = Path(which).expanduser()
    if not path.is_dir():
        return None
    path = path.resolve()
    if sweep := read_sweep(path):
        return _swept(sweep)
    if run := read_run(path):
        return _single(run)
    parent = path.parent if path.name == "runs" else path
    runs = read_runs(parent)
    return Selection(f"runs in {which}", tuple(runs)) if runs else None


def _by_id(which: str, work: Path) -> Selection | None:
    if not 0 < len(which) <= _ID_LENGTH or set(which) - set(string.hexdigits):
        return None
    start = which.lower()
    sweeps = _starting(work / "sweeps", start)
    runs = _starting(work / "runs", start)
    if len(sweeps) + len(runs) > 1:
        named = [f"sweep {path.name}" for path in sweeps] + [f"run {path.name}" for path in runs]
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        raise UserError(f"An id must fit one run or sweep; {which} fits {', '.join(named[:_SHOWN])}{more}.")
    if sweeps and (sweep := read_sweep(sweeps[0])):
        return _swept(sweep)
    if runs and (run := read_run(runs[0])):
        return _single(run)
    return None


def _by_experiment(which: str, work: Path) -> Selection | None:
    sweeps = [sweep for sweep in read_sweeps(work) if sweep.experiment == which]
    if sweeps:
        return Selection(f"experiment {which}", tuple(sweeps[-1].records()), sweeps[-1])
    runs = [run for run in read_runs(work) if run.spec.get("name") == which]
    return Selection(f"runs named {which}", tuple(runs)) if runs else None


def _starting(folder: Path, start: str) -> list[Path]:
    return sorted(path for path in folder.glob(f"{start}*") if path.is_dir()) if folder.is_dir() else []


def _single(run: RunRecord) -> Selection:
    return Selection(f"run {run.short_id}", (run,))


def _swept(sweep: SweepRecord, known: Mapping[str, RunRecord] | None = None) -> Selection:
    return Selection(f"sweep {sweep.short_id}", tuple(sweep.records(known)), sweep)


def _nothing(work: Path) -> UserError:
    return UserError(f"There are no runs in {work} yet. dlrun trains one; dlrun -m seed=0,1,2 sweeps.")


def _unknown(which: str, work: Path) -> UserError:
    sweeps, runs = read_sweeps(work), read_runs(work)
    if not sweeps and not runs:
        return _nothing(work)
    names: Iterable[str | None] = (
        "last",
        "best",
        *(sweep.experiment for sweep in sweeps),
        *(sweep.short_id for sweep in sweeps),
        *(run.short_id for run in runs),
    )
    mend = did_you_mean(which, [name for name in names if name]) or "dlrun runs lists what there is."
    return UserError(
        f"'{which}' must be last, best, best@METRIC, the start of an id, a path or an experiment's name. {mend}"
    )
