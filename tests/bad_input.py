"""The table of `test_bad_input`: what is typed, and what is answered.

A row is a command, each problem that must be told as `Problem` prints it, with `...` for what does not matter, and
the files that are there. To add one, put a `row(...)` into the list of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CONTRADICTIONS", "DATA", "EVERY", "FILES", "VALUES", "Row"]

PROJECT = {"conf/project.yaml": ""}
ROWS = "".join(f"{i},{i * 0.5},{'yes' if i % 2 else 'no'}\n" for i in range(10))
TABLE = f"a,b,kind\n{ROWS}"


@dataclass(frozen=True)
class Row:
    """A command as typed, and what is said of it."""

    words: str
    says: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)


def row(words: str, *says: str, files: dict[str, str | bytes] | None = None) -> Row:
    return Row(words, says, files or {})


def experiment(text: str) -> dict[str, str | bytes]:
    return PROJECT | {"experiments/mine.yaml": text}


def option(path: str, text: str) -> dict[str, str | bytes]:
    return PROJECT | {f"conf/{path}.yaml": text}


def csv(content: str | bytes) -> dict[str, str | bytes]:
    return {"t.csv": content}


TYPOS = [
    row(
        "optimizer.learnin_rate=0.1",
        "optimizer.learnin_rate must be a key that optimizer/adam declares. Did you mean optimizer.learning_rate?"
        " (command line)",
    ),
    row("optimizer.lr=0.1", "optimizer.lr must be a key ... Did you mean optimizer.learning_rate? (command line)"),
    row("optimizer.momentum=0.9", "optimizer.momentum must be a key ... It belongs to optimizer=rmsprop and ..."),
    row("optimiser=adam", "optimiser must be a key that the config declares. Did you mean optimizer? (command line)"),
    row("epochs=3", "epochs must be a key that the config declares. Did you mean trainer.epochs? (command line)"),
    row("qqq=1", "qqq must be a key that the config declares. dlrun config lists all keys. (command line)"),
    row(
        "model=cn",
        "model must name an option of model (dlrun ls model); got cn. Did you mean model=cnn? There are: ...",
    ),
    row("data=", "data must name an option of data (dlrun ls data); got ''. There are: blobs, ... (command line)"),
    row(
        "trainer.batch_size=ful",
        "trainer.batch_size must be ... or full; got 'ful'. Did you mean trainer.batch_size=full? ...",
    ),
    row(
        "data=truth_table data.gate=xnor",
        "data.gate must be and, or, nand or xor; got 'xnor'. Did you mean data.gate=xor? ...",
    ),
    row(
        "metric=[acuracy]", "metric must name an option of metric ...; got acuracy. Did you mean metric=[accuracy]? ..."
    ),
    row(
        "callback=[checkpoint,early_stoping]",
        "callback must name ...; got early_stoping. Did you mean callback=[early_stopping]? ...",
    ),
    row(
        "callback=[checkpoint] callback.checkpoint.moniter=loss",
        "callback.checkpoint.moniter must be a key that callback/checkpoint declares. Did you mean"
        " callback.checkpoint.monitor? (command line)",
    ),
    row(
        "callback.checkpoint.monitor=loss",
        "callback.checkpoint must be chosen before it is changed; got no such entry. Choose it first:"
        " +callback=[checkpoint]. (command line)",
    ),
    row(
        "model.layers.0=flaten",
        "model.layers[0] must be a layer ...; got 'flaten'. Did you mean flatten? (command line)",
    ),
    row(
        "experiment=digits_rate_and_droput",
        "experiment must name ...; got digits_rate_and_droput. Did you mean experiment=digits_rate_and_dropout? ...",
    ),
]
VALUES = [
    row("model.dropout=1.5", "model.dropout must be a number in [0, 1); got 1.5. (command line)"),
    row("optimizer.learning_rate=-1", "optimizer.learning_rate must be a number in (0, inf); got -1. (command line)"),
    row("optimizer.learning_rate=nan", "optimizer.learning_rate must be a number in (0, inf); got nan. (command line)"),
    row("optimizer.learning_rate=1e999", "optimizer.learning_rate must be ...; got inf. (command line)"),
    row("optimizer.learning_rate=[0.1]", "optimizer.learning_rate must be ...; got [0.1]. (command line)"),
    row("optimizer.learning_rate=fast", "optimizer.learning_rate must be ...; got 'fast'. (command line)"),
    row("optimizer.learning_rate=", "optimizer.learning_rate must be ...; got ''. (command line)"),
    row("trainer.epochs=0", "trainer.epochs must be a whole number in [1, inf); got 0. (command line)"),
    row("trainer.epochs=2.5", "trainer.epochs must be a whole number in [1, inf); got 2.5. (command line)"),
    row("trainer.epochs=true", "trainer.epochs must be a whole number in [1, inf); got True. (command line)"),
    row("seed=4294967296", "seed must be a whole number in [0, 4294967295]; got 4294967296. (command line)"),
    row("seed=null", "seed must be ...; got null. (command line)"),
    row("tags=3", "tags must be a mapping; got 3. (command line)"),
    row(
        "model.hidden=3",
        "model.hidden must be a list of items, each ...; got 3. Did you mean model.hidden=[3]? (command line)",
    ),
    row("model.hidden=[8,0]", "model.hidden must be a list of items, ...; got [8, 0]. (command line)"),
    row("data=[iris]", "data must be the name of one option; got ['iris']. One of: blobs, ... (command line)"),
    row("data=null", "data must name an option; got null. One of: blobs, ... (command line)"),
    row("regularizer=null", "regularizer must name an option; got null. regularizer=none (command line)"),
    row("callback=3", "callback must name an option of callback (dlrun ls callback); got 3. There are: ..."),
    row("data=csv", "data.path must be given a value. Set it: data.path=... (the file, ...). (command line)"),
    row(
        "'optimizer.learning_rate=${nothing}'",
        "optimizer.learning_rate must resolve: ...'nothing' not found; got '${nothing}'. (command line)",
    ),
    row(
        "'optimizer.learning_rate=${oc.env:DLRUN_NONE}'",
        "optimizer.learning_rate must resolve: ...'DLRUN_NONE' not found; got ... (command line)",
    ),
    row(
        "'optimizer.learning_rate=${oc.env:HOME}'",
        "optimizer.learning_rate must be a number in (0, inf); got '${oc.env:HOME}'. (command line)",
    ),
    row(
        "'optimizer.learning_rate=$model.dropout'",
        "optimizer.learning_rate must be a number in (0, inf); got '$model.dropout'. ...",
    ),
    row("'seed=${oc.decode:3}'", "seed must resolve: ...; got '${oc.decode:3}'. (command line)"),
]
CONTRADICTIONS = [
    row(
        "loss=mean_squared_error",
        "loss must be a loss for a multiclass task; got mean_squared_error. Use loss=auto, or one of: ...",
    ),
    row(
        "data=diabetes metric=[accuracy]",
        "metric.accuracy must be a metric for a regression task; got accuracy. One or more of: ...",
    ),
    row(
        "schedule=cosine callback=[reduce_lr_on_plateau]",
        "callback.reduce_lr_on_plateau must not be used with schedule=cosine, ... Type schedule=constant, ...",
    ),
    row(
        "callback=[early_stopping] callback.early_stopping.monitor=val_acuracy",
        "callback.early_stopping.monitor must name something that is computed ...; got val_acuracy. Did you mean"
        " callback.early_stopping.monitor=val_accuracy? ... (command line)",
    ),
    row(
        "optimizer.clipnorm=1 optimizer.clipvalue=1",
        "optimizer.clipvalue must be null where optimizer.clipnorm is set...; got 1.0. Type ...",
    ),
    row(
        "optimizer=sgd optimizer.nesterov=true",
        "optimizer.nesterov must be false without momentum; got true. Type optimizer.momentum=0.9 or ...",
    ),
    row(
        "model=linear model.dropout=0.3", "model.dropout must stay 0.0: no layer of model=linear reads it; got 0.3. ..."
    ),
    row(
        "model=linear activation=tanh",
        "activation must be left alone: no layer of model=linear takes it; got tanh. ... (command line)",
    ),
    row(
        "data=iris model=cnn",
        "model...conv2d must get images, (height, width, channels); got (4,) from the data. ... (command line)",
    ),
    row(
        "model=perceptron data=diabetes", "model must fit the task regression: ...; got perceptron. Choose another: ..."
    ),
    row(
        "data=iris split.test=0.9 split.validation=0.9",
        "split.test must leave rows to train on: ...; got 0.9 and 0.9. ...",
    ),
    row(
        "data=iris split=kfold split.fold=9",
        "split.fold must be below split.folds, ...; got 9. The last one is split.fold=4. ...",
    ),
]
TOGETHER = [
    row(
        "trainer.epochs=0 model.dropout=2 optimizer=adm qqq=1 seed=a",
        "trainer.epochs must ...; got 0. (command line)",
        "model.dropout must ...; got 2. (command line)",
        "optimizer must name an option ...; got adm. Did you mean optimizer=adam? ...",
        "qqq must be a key ...",
        "seed must ...; got 'a'. (command line)",
    ),
    row("loss=huber optimizer=sgd optimizer.nesterov=true", "loss must be ...", "optimizer.nesterov must be ..."),
    row(
        "data=csv data.path=none.csv trainer.epochs=0",
        "data.path must be an existing file; got 'none.csv'. ...",
        "trainer.epochs must ...",
    ),
    row(
        "-m optimizer=sgd,adm seed=0,a,b",
        "optimizer must name ...; got adm. ...",
        "seed must ...; got 'a'. ...",
        "seed must ...; got 'b'. ...",
    ),
    row("config trainer.epochs=0 seed=a", "trainer.epochs must ...", "seed must ..."),
    row("config -m trainer.epochs=1,0", "trainer.epochs must ...; got 0. (command line)"),
]
TRUST = [
    row("+optimizer.speed=1", "optimizer.speed must be a key that optimizer/adam declares. ..."),
    row(
        "++optimizer.learnin_rate=1",
        "optimizer.learnin_rate must be a key ... Did you mean optimizer.learning_rate? ...",
    ),
    row("+qqq=1", "qqq must be a key that the config declares. ..."),
    row("++model.dropout=1.5", "model.dropout must be a number in [0, 1); got 1.5. (command line)"),
    row(
        "+optimizer=sgd",
        "optimizer must be chosen without +: a run has exactly one; got +optimizer. Type optimizer=sgd. (command line)",
    ),
    row(
        "optimizer._target_=os.system",
        "optimizer._target_ must not stand in a config: ...; got os.system. ... (command line)",
    ),
    row("+data._target_=os.system", "data._target_ must not stand in a config: ...; got os.system. ... (command line)"),
    row(
        "'tags={_target_: os.system}'",
        "tags._target_ must not stand in a config: ...; got os.system. ... (command line)",
    ),
    row(
        "+hydra.callbacks.x._target_=os.system",
        "hydra.callbacks.x._target_ must be an installed Hydra plugin ...; got os.system. ... (command line)",
    ),
    row(
        "hydra.launcher._target_=os.system",
        "hydra.launcher._target_ must be an installed Hydra plugin ...; got os.system. ... (command line)",
    ),
    row(
        "-m seed=1,2 hydra.sweeper._target_=os.system",
        "hydra.sweeper._target_ must be an installed Hydra plugin ...; got os.system. ...",
    ),
    row(
        "hydra/launcher=joblib",
        "hydra/launcher must name an option of hydra/launcher; got joblib. There are: basic, dlrun. (command line)",
    ),
    row(
        "'hydra.searchpath=[file:///tmp]'",
        "hydra.searchpath must be left alone: ...; got ['file:///tmp']. dlrun show project ... (command line)",
    ),
    row("optimizer.option=sgd", "optimizer.option must not be set: ...; got sgd. Type optimizer=sgd. (command line)"),
    row("~model", "model must be there: a run needs it; got nothing. Choose one: model=... (command line)"),
    row("~data", "data must be there: a run needs it; got nothing. Choose one: data=... (command line)"),
    row("~tracking", "tracking must be there: ... (command line)"),
    row("~seed", "seed must have a value; got nothing. Set it, ...: seed=VALUE. (command line)"),
    row(
        "~optimizer.learning_rate", "optimizer.learning_rate must have a value; got nothing. Set it, ... (command line)"
    ),
    row("~qqq", "'~qqq' must fit the config: ...'qqq' does not exist. (command line)"),
]
CALLS = [
    row(
        "seed=0,1",
        "seed must be one value without -m; got 0,1. Add -m to sweep ..., or write a list as seed=[0,1]. ...",
    ),
    row("-m trainer.threads=1,2", "trainer.threads must have one value in a sweep: ... (command line)"),
    row(
        "-m trainer.deterministic=true,false",
        "trainer.deterministic must have one value in a sweep: ... (command line)",
    ),
    row("-m seed=1,2 hydra/sweeper=basic", "hydra/sweeper must be dlrun's own; got ... Leave hydra/sweeper out. ..."),
    row("tracking.uri=http://me:secret@127.0.0.1:9", "tracking.uri must not hold a password: ... (command line)"),
    row(
        "-m 'optimizer.learning_rate=interval(0,1)'",
        "optimizer.learning_rate must list its values: a grid has no points on an interval; got interval(0,1). ...",
    ),
    row("'seed=[1'", "'seed=[1' must be key=value in Hydra's grammar (...). Write key=value; ... (command line)"),
    row("=3", "'=3' must be key=value in Hydra's grammar (there is no key). Write key=value; ... (command line)"),
    row("train iris", "'iris' must be key=value in Hydra's grammar (...). Write key=value; ... (command line)"),
    row("trian seed=1", "error 'trian' is no verb, and no KEY=VALUE. Did you mean dlrun train?"),
    row("iris", "error 'iris' is no verb, and no KEY=VALUE. dlrun --help lists the verbs."),
    row("--sede 3", "error unrecognized arguments: --sede.... dlrun --help shows the flags."),
    row("seed=1 -z", "error unrecognized arguments: -z. dlrun --help shows the flags."),
    row("--seeds 0", "error --seeds must be 1 or more; got 0."),
    row("--folds x", "error argument --folds: invalid int value: 'x'. ..."),
    row("--cfg jobs", "error argument --cfg/-c: invalid choice: 'jobs' ..."),
    row(
        "-m seed=1,2 --cfg job",
        "error --cfg and --info show one config: leave -m out, or list the trials with dlrun config -m.",
    ),
    row("--experimental-rerun x", "error dlrun does not take --experimental-rerun, which unpickles a file: ..."),
    row("--config-dir x", "error dlrun does not take --config-dir: ... (dlrun show project)."),
    row("config --sede", "error dlrun config knows no --sede. dlrun config --help shows its flags."),
]
FILES = [
    row(
        "experiment=mine",
        "optimizer.learnin_rate must be a key ... Did you mean optimizer.learning_rate? (experiments/mine.yaml:3)",
        "model.dropout must be a number in [0, 1); got 1.5. (experiments/mine.yaml:5)",
        "qqq must be a key that the config declares. ... (experiments/mine.yaml:6)",
        files=experiment("# Mine\noptimizer:\n  learnin_rate: 0.1\nmodel:\n  dropout: 1.5\nqqq: 1\n"),
    ),
    row(
        "experiment=mine",
        "optimizer must name an option ...; got adm. Did you mean optimizer=adam? ... (experiments/mine.yaml:3)",
        files=experiment("# Mine\ndefaults:\n  - override /optimizer: adm\n  - _self_\n"),
    ),
    row(
        "experiment=mine",
        "loss must be a loss for a multiclass task; got huber. ... (experiments/mine.yaml:3)",
        files=experiment("# Mine\ndefaults:\n  - override /loss: huber\n  - _self_\n"),
    ),
    row(
        "experiment=mine",
        "model must be there: a run needs it; got nothing. ... (experiments/mine.yaml:3)",
        files=experiment("# Mine\ndefaults:\n  - override /model: null\n  - _self_\n"),
    ),
    row(
        "experiment=mine",
        "the config must compose: Could not override 'optimzer'. ... (experiments/mine.yaml:2)",
        files=experiment("# Mine\ndefaults:\n  - override /optimzer: adam\n  - _self_\n"),
    ),
    row(
        "experiment=mine",
        "optimizer must be an option of optimizer ...; got adm. Did you mean optimizer=adam? (experiments/mine.yaml:2)",
        files=experiment("# Mine\noptimizer: adm\n"),
    ),
    row(
        "experiment=mine",
        "optimizer._target_ must not stand in a config: ...; got os.system. ... (experiments/mine.yaml:3)",
        "hydra.callbacks.x._target_ must be ...; got os.system. ... (experiments/mine.yaml:7)",
        files=experiment(
            "# Mine\noptimizer:\n  _target_: os.system\nhydra:\n  callbacks:\n    x:\n      _target_: os.system\n"
        ),
    ),
    row(
        "experiment=mine",
        "experiment/mine: defaults must not name the file itself; got mine. (experiments/mine.yaml:2)",
        files=experiment("# Mine\ndefaults:\n  - mine\n"),
    ),
    row(
        "experiment=mine",
        "the config must compose: ... extend each other in a circle. Look at the defaults lists of your own files.",
        files=experiment("# Mine\ndefaults:\n  - yours\n") | {"experiments/yours.yaml": "defaults:\n  - mine\n"},
    ),
    row(
        "experiment=mine",
        "mine.yaml must be YAML: ... (experiments/mine.yaml:3)",
        files=experiment("# Mine\nmodel: [1\n"),
    ),
    row(
        "-m experiment=mine",
        "model.dropout must be a number in [0, 1); got 1.5. (experiments/mine.yaml:6)",
        "optimizer.learnin_rate must be a key ... Did you mean optimizer.learning_rate? (experiments/mine.yaml:5)",
        files=experiment(
            "# Mine\nhydra:\n  sweeper:\n    params:\n      optimizer.learnin_rate: 1,2\n      model.dropout: 0,1.5\n"
        ),
    ),
    row(
        "experiment=nothing",
        "experiment must name an option of experiment (dlrun ls experiment); got nothing. There are: ...",
    ),
    row(
        "seed=1",
        "trainer.epoch must be a key ... Did you mean trainer.epochs? (conf/project.yaml:2)",
        files={"conf/project.yaml": "trainer:\n  epoch: 3\n"},
    ),
    row("seed=1", "project.yaml must be YAML: ... (conf/project.yaml:2)", files={"conf/project.yaml": "trainer: [1\n"}),
    row(
        "optimizer=mine",
        "optimizer/mine: learning_rate must have a valid rule: '(0, inf' is no type, interval or choice."
        " (conf/optimizer/mine.yaml:3)",
        files=option("optimizer/mine", "# Mine\n_target_: keras.optimizers.SGD\nlearning_rate: 0.1  # (0, inf: rate\n"),
    ),
    row(
        "optimizer=mine",
        "optimizer/mine: defaults must not name the file itself; got mine. (conf/optimizer/mine.yaml:2)",
        files=option("optimizer/mine", "# Mine\ndefaults: [mine, _self_]\n"),
    ),
    row(
        "optimizer=mine",
        "optimizer must name an option ...; got nobody. There are: ... (conf/optimizer/mine.yaml:2)",
        files=option("optimizer/mine", "# Mine\ndefaults: [nobody, _self_]\n"),
    ),
    row(
        "model=mine",
        "model.layers[0] must be a layer ...; got 'dens'. Did you mean dense? (conf/model/mine.yaml:2)",
        files=option("model/mine", "# Mine\nlayers: [dens]\n"),
    ),
    row(
        "data=mine",
        "data/mine: _task_ must be one of ...; got guess. (conf/data/mine.yaml)",
        files=option("data/mine", "# Mine\n_target_: nowhere.make\n_task_: guess\n"),
    ),
]
DATA = [
    row(
        "data=csv data.path=none.csv",
        "data.path must be an existing file; got 'none.csv'. Looked from ... (command line)",
    ),
    row("data=csv data.path=t.csv", "data.path must hold a header and rows; got 0 bytes. ... (t.csv)", files=csv("")),
    row(
        "data=csv data.path=t.csv",
        "data.path must be UTF-8 text; got byte 0xf6 at offset ..., in line 12. ... iconv ... (t.csv:12)",
        files=csv(TABLE.encode() + "3,4,größer\n".encode("latin-1")),
    ),
    row(
        "data=csv data.path=t.csv data.target=knid",
        "data.target must name a column of t.csv; got 'knid'. Did you mean data.target=kind? ... (command line)",
        files=csv(TABLE),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must hold numbers in column 'a'; got 'old' in row 11. ... data.drop=[a] (t.csv:12)",
        files=csv(f"{TABLE}old,2,no\n"),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must hold two classes or more in column 'kind', ...; got 'no' in every row. ... (t.csv)",
        files=csv(TABLE.replace("yes", "no")),
    ),
]
STORAGE = [
    row(
        "data=iris",
        "error ...runs cannot be written: a file is in the way of a directory. Move it away, ...",
        files={"runs": ""},
    ),
    row(
        "data=iris -m seed=0,1",
        "error ...sweeps cannot be written: a file is in the way of a directory. ...",
        files={"sweeps": ""},
    ),
    row(
        "data=iris",
        "tracking.uri must be an MLflow store: the file is no sqlite database; got ...mlflow.db. ...",
        files={"mlflow.db": "no database" * 99},
    ),
    row(
        "tracking.uri=runs.db",
        "tracking.uri must name a database or a server: ...; got 'runs.db'. Type tracking.uri=sqlite:///runs.db. ...",
    ),
    row(
        "'tracking.uri=${oc.env:HOME}'",
        "tracking.uri must name a database or a server: ...; got '${oc.env:HOME}'. (command line)",
    ),
    row("tracking=mlfow", "tracking must name an option ...; got mlfow. Did you mean tracking=mlflow? ..."),
]
EVERY = [*TYPOS, *VALUES, *CONTRADICTIONS, *TOGETHER, *TRUST, *CALLS, *FILES, *DATA, *STORAGE]
