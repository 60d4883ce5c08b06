"""The mistakes of docs/errors.md, and the page made of what they are answered: `python -m tests.gallery`.

A test makes the page anew and compares, so that it shows what dlrun says today.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"
_HERE = "~/project"  # what a reader sees in place of the directory that the page was made in
_TABLE = "length,width,kind\n" + "".join(f"{i}.5,{i % 7},{'long' if i > 20 else 'short'}\n" for i in range(40))


@dataclass(frozen=True)
class Mistake:
    """What somebody wanted and what they typed."""

    wanted: str
    command: str
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Mistakes of one kind, with a sentence about them."""

    title: str
    text: str
    mistakes: tuple[Mistake, ...]


def _in_project(path: str, text: str) -> dict[str, str]:
    return {"conf/project.yaml": "", path: text}


def _of_experiment(text: str) -> dict[str, str]:
    return _in_project("experiments/mine.yaml", text)


NAMES = Section(
    "Names",
    "A name is looked up as it is spelt, as other libraries call it, and as people say it.",
    (
        Mistake("another learning rate", "dlrun lr=0.01"),
        Mistake("the same, one letter short", "dlrun optimizer.learnin_rate=0.01"),
        Mistake("the same, as PyTorch calls it", "dlrun optimizer.lr=0.01 model=cnn"),
        Mistake("larger batches", "dlrun batch=64"),
        Mistake("a longer training", "dlrun epochs=200"),
        Mistake("more patience", "dlrun patience=20"),
        Mistake("dropout", "dlrun dropout=0.5"),
        Mistake("batch normalisation", "dlrun bn=true"),
        Mistake("another activation", "dlrun model.activation=relu6"),
        Mistake("an L2 penalty", "dlrun l2=0.01"),
        Mistake("momentum", "dlrun momentum=0.9"),
        Mistake("a key of another optimizer", "dlrun optimizer.nesterov=true"),
        Mistake("Adam, as Keras writes it", "dlrun optimizer=keras.optimizers.Adam"),
        Mistake("Adam, two letters swapped", "dlrun optimizer=adma"),
        Mistake("Glorot's initialisation", "dlrun initializer=xavier"),
        Mistake("SiLU", "dlrun activation=swish"),
        Mistake("no activation", "dlrun activation=none"),
        Mistake("cross-entropy", "dlrun loss=cross_entropy"),
        Mistake("accuracy", "dlrun metric=[acc]"),
        Mistake("a callback, as Keras writes it", "dlrun callback=[EarlyStopping]"),
        Mistake("a change of a callback that is not chosen", "dlrun callback.checkpoint.monitor=loss"),
        Mistake("a learning rate that falls", "dlrun schedule=cosine_annealing schedule.warmup=5"),
        Mistake("a model that there is not", "dlrun model=resnet50 model.depth=3"),
        Mistake("a data set that there is not", "dlrun data=imagenet"),
        Mistake("a key of their own", "dlrun +optimizer.speed=3"),
        Mistake("a loss on logits", "dlrun loss.from_logits=true"),
        Mistake("British spelling", "dlrun optimiser=sgd"),
    ),
)
VALUES = Section(
    "Values",
    "Each key says what it takes, in its option file; `dlrun show KEY` shows it.",
    (
        Mistake("half of the units dropped", "dlrun model.dropout=50"),
        Mistake("a negative rate", "dlrun optimizer.learning_rate=-0.001"),
        Mistake("a word for a number", "dlrun optimizer.learning_rate=fast"),
        Mistake("a hundred epochs", "dlrun trainer.epochs=1e2"),
        Mistake("epochs and a half", "dlrun trainer.epochs=2.5"),
        Mistake("one hidden layer", "dlrun model.hidden=128"),
        Mistake("a layer of no units", "dlrun model.hidden=[64,0]"),
        Mistake("Python's None", "dlrun optimizer.clipnorm=None"),
        Mistake("yes", "dlrun trainer.deterministic=yes"),
        Mistake("the whole data in one batch", "dlrun trainer.batch_size=all"),
        Mistake("a path that is not given", "dlrun data=csv"),
        Mistake("a key without a value", "dlrun optimizer.learning_rate="),
    ),
)
GRAMMAR = Section(
    "Grammar",
    "Words are Hydra's: GROUP=OPTION chooses, KEY=VALUE sets, `+` adds, `~` removes, -m sweeps.",
    (
        Mistake("a model", "dlrun model cnn"),
        Mistake("the same, with spaces", "dlrun model= cnn"),
        Mistake("the same, as YAML writes it", "dlrun model:cnn"),
        Mistake("a flag, as most tools have it", "dlrun --epochs 5"),
        Mistake("another", "dlrun --lr=0.1 model=cnn"),
        Mistake("arguments, as in Python", "dlrun 'optimizer=adam(learning_rate=0.1)'"),
        Mistake("a list that is not closed", "dlrun 'model.hidden=[64,64'"),
        Mistake("quotes from a web page", "dlrun name=“first”"),
        Mistake("a sweep, without -m", "dlrun optimizer.learning_rate=0.1,0.01"),
        Mistake("five seeds", "dlrun -m seed=0-4"),
        Mistake("three seeds, as a list", "dlrun -m seed=[0,1,2]"),
        Mistake("an interval", "dlrun -m 'optimizer.learning_rate=interval(0.001,0.1)'"),
        Mistake("a verb that there is not", "dlrun sweep model=cnn"),
        Mistake("another", "dlrun fit model=cnn"),
        Mistake("a file", "dlrun flowers.csv"),
        Mistake("no model", "dlrun ~model"),
        Mistake("a key less", "dlrun ~optimizer.learning_rate"),
    ),
)
FIT = Section(
    "Choices that do not go together",
    "The data declares its task and its shape; what does not fit them is told before anything is built.",
    (
        Mistake("squared error on classes", "dlrun data=iris loss=mse"),
        Mistake("accuracy of a regression", "dlrun data=diabetes metric=[accuracy]"),
        Mistake("convolutions on rows of a table", "dlrun data=iris model=cnn"),
        Mistake("a head of the wrong width", "dlrun data=iris 'model.head={dense: 5}'"),
        Mistake("dropout in a model that has none", "dlrun model=linear model.dropout=0.3"),
        Mistake("early stopping by a metric that nothing computes", "dlrun callback.early_stopping.monitor=val_auc"),
        Mistake("two ways of clipping", "dlrun optimizer.clipnorm=1 optimizer.clipvalue=0.5"),
        Mistake("more warm-up than training", "dlrun schedule=cosine schedule.warmup_epochs=500"),
        Mistake("two hands on the learning rate", "dlrun schedule=cosine +callback=[reduce_lr_on_plateau]"),
        Mistake("nothing left to train on", "dlrun split.test=0.6 split.validation=0.6"),
        Mistake("one sigmoid unit for ten classes", "dlrun 'model.head=[{dense: 1}, sigmoid]'"),
    ),
)
FILES = Section(
    "Files",
    "What comes from a file is told with its file and line.",
    (
        Mistake(
            "an experiment",
            "dlrun experiment=mine",
            _of_experiment(
                "# Does dropout help?\ndefaults:\n  - override /model: mlp\noptimizer:\n  learnin_rate: 0.01\n"
                "model:\n  dropout: 30\n"
            ),
        ),
        Mistake(
            "an experiment that chooses what there is not",
            "dlrun experiment=mine",
            _of_experiment("# Which optimizer?\ndefaults:\n  - override /optimizer: adamax\n"),
        ),
        Mistake("an experiment that there is not", "dlrun experiment=digits"),
        Mistake(
            "a model of their own",
            "dlrun model=mine",
            _in_project(
                "conf/model/mine.yaml",
                "# A small model\ndefaults: [base, _self_]\nwidth: 64  # [1, inf): units\n"
                "layers:\n  - flatten\n  - dense: $widht\n  - activaton\n  - dropuot: 0.2\n",
            ),
        ),
        Mistake(
            "an optimizer of their own",
            "dlrun optimizer=mine",
            _in_project(
                "conf/optimizer/mine.yaml",
                "# Mine\n_target_: keras.optimizers.Adam\nlearning_rate: fast  # (0, inf): step\n",
            ),
        ),
        Mistake(
            "a YAML file with a slip", "dlrun experiment=mine", _of_experiment("# Mine\nmodel:\n  dropout: [0.1\n")
        ),
        Mistake("a file of their own, misspelt", "dlrun data=csv data.path=flower.csv", {"flowers.csv": _TABLE}),
        Mistake(
            "a column that there is not",
            "dlrun data=csv data.path=flowers.csv data.target=sort",
            {"flowers.csv": _TABLE},
        ),
        Mistake("a file straight away, misspelt", "dlrun data=flower.csv", {"flowers.csv": _TABLE}),
        Mistake(
            "a table with text among its numbers",
            "dlrun data=csv data.path=flowers.csv",
            {"flowers.csv": _TABLE.replace("7.5,0", "tall,0").replace("9.5,2,short", "9.5,2,")},
        ),
    ),
)
SEVERAL = Section(
    "Several at once",
    "All problems are told together. A wrong word is read as it was probably meant, so that it hides no other; where"
    " that settles everything, the whole command is shown.",
    (
        Mistake("four things", "dlrun optimizer=adma optimizer.lr=0.1 model.dropout=30 batch=64"),
        Mistake("a sweep", "dlrun -m optimizer=adma,sgd lr=0.1,0.01"),
        Mistake("some of it beyond guessing", "dlrun model=resnet50 optimizer.lr=0.1 trainer.epochs=0 colour=blue"),
    ),
)
SECTIONS = (NAMES, VALUES, GRAMMAR, FIT, FILES, SEVERAL)


def page() -> str:
    """The page, in Markdown."""
    mistakes = sum(len(section.mistakes) for section in SECTIONS)
    lines = [
        "# What dlrun answers to mistakes",
        "",
        f"{mistakes} mistakes as people type them, and what dlrun answers. Each is told in well under a second, before"
        " TensorFlow is imported; the exit code is 2 and nothing is created. `python -m tests.gallery` makes this page,"
        " and a test compares it with what is answered today.",
    ]
    for section in SECTIONS:
        lines += ["", f"## {section.title}", "", section.text]
        for mistake in section.mistakes:
            lines += ["", f"**Wanted: {mistake.wanted}.**", ""]
            for path, text in mistake.files.items():
                if path.endswith(".yaml") and text:
                    lines += [f"`{path}`:", "", "```text", *text.splitlines(), "```", ""]
            lines += ["```text", f"$ {mistake.command}", *answer(mistake), "```"]
    return "\n".join(lines) + "\n"


def answer(mistake: Mistake) -> list[str]:
    """The lines that dlrun prints."""
    from dlrun.cli.main import main

    output = io.StringIO()
    with _directory_of(mistake) as folder, contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = main(shlex.split(mistake.command)[1:])
    if code != 2:
        raise AssertionError(f"{mistake.command} ended with {code}:\n{output.getvalue()}")
    return output.getvalue().replace(str(folder), _HERE).rstrip().splitlines()


@contextlib.contextmanager
def _directory_of(mistake: Mistake) -> Iterator[Path]:
    before = Path.cwd()
    # what is looked up relative to a project is kept on sys.path by the process that looked
    with tempfile.TemporaryDirectory() as name, mock.patch.object(sys, "path", list(sys.path)):
        folder = Path(name).resolve()
        for path, text in mistake.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
