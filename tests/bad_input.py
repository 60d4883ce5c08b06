"""The table of `test_bad_input`: what is typed, and what is answered.

A row is a command, each problem that must be told as `Problem` prints it, with `...` for what does not matter, and
the files that are there. To add one, put a `row(...)` into the list of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["CONTRADICTIONS", "DATA", "EVERY", "FILES", "VALUES", "Row"]

PROJECT = {"conf/project.yaml": ""}
ROWS = "".join(f"{i},{i * 0.5},{'yes' if i % 2 else 'no'}\n" for i in range(10))
TABLE = f"a,b,kind\n{ROWS}"
HUGE_PNG = bytes.fromhex(  # a header that promises 20,000 x 20,000 pixels, and none
    "89504e470d0a1a0a0000000d4948445200004e2000004e2008020000006c12d16e000000004944415435af061e"
)


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
        "probe=[gradiant_norm]",
        "probe must name an option of probe ...; got gradiant_norm. Did you mean probe=[gradient_norm]? ...",
    ),
    row(
        "probe.saturation.margin=0.1",
        "probe.saturation must be chosen before it is changed; got no such entry. Choose it first:"
        " +probe=[saturation]. (command line)",
    ),
    row(
        "optimizer.learnin_rate=0.1",
        "optimizer.learnin_rate must be a key that optimizer/adam declares. Did you mean optimizer.learning_rate?"
        " (command line)",
    ),
    row("optimizer.lr=0.1", "optimizer.lr must be a key ... Did you mean optimizer.learning_rate? (command line)"),
    row(
        "trainer.early_stopping.patience=300",
        "trainer.early_stopping must be a key ... Did you mean callback.early_stopping? (command line)",
    ),
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
    row("model.dropout=1.5", "model.dropout must be a number in [0, 1); got 1.5. The default is ... (command line)"),
    row(
        "activation=tanh probe=[saturation] probe.saturation.margin=0.6",
        "probe.saturation.margin must be a number in (0, 0.5); got 0.6. The default is ... (command line)",
    ),
    row("trainer.lr_finder=perhaps", "trainer.lr_finder must be true or false; got 'perhaps'. ... (command line)"),
    row(
        "optimizer.learning_rate=-1",
        "optimizer.learning_rate must be a number in (0, inf); got -1. The default is ... (command line)",
    ),
    row(
        "optimizer.learning_rate=nan",
        "optimizer.learning_rate must be a number in (0, inf); got nan. The default is ... (command line)",
    ),
    row(
        "optimizer.learning_rate=1e999",
        "optimizer.learning_rate must be ...; got inf. The default is ... (command line)",
    ),
    row(
        "optimizer.learning_rate=[0.1]",
        "optimizer.learning_rate must be ...; got [0.1]. Did you mean optimizer.learning_rate=0.1? (command line)",
    ),
    row(
        "optimizer.learning_rate=fast",
        "optimizer.learning_rate must be ...; got 'fast'. The default is ... (command line)",
    ),
    row("optimizer.learning_rate=", "optimizer.learning_rate must be ...; got ''. The default is ... (command line)"),
    row(
        "trainer.limit_batches=1.0",
        "trainer.limit_batches must be a whole number in [1, inf), a number in (0, 1) or null; got 1.0. ...",
    ),
    row("trainer.limit_batches=0", "trainer.limit_batches must be ...; got 0. ..."),
    row(
        "trainer.precision=bf16",
        "trainer.precision must be ...; got 'bf16'. Did you mean trainer.precision=mixed_bfloat16? ...",
    ),
    row("trainer.strategy=ddp", "trainer.strategy must be ...; got 'ddp'. Did you mean trainer.strategy=mirrored? ..."),
    row(
        "trainer.class_weight=balance",
        "trainer.class_weight must be ...; got 'balance'. Did you mean trainer.class_weight=balanced? ...",
    ),
    row("trainer.fast_dev_run=3", "trainer.fast_dev_run must be true or false; got 3. ..."),
    row(
        "optimizer.gradient_accumulation_steps=1",
        "optimizer.gradient_accumulation_steps must be a whole number in [2, inf) or null; got 1. ...",
    ),
    row("trainer.limit_train_batches=3", "trainer.limit_train_batches ... Did you mean trainer.limit_batches? ..."),
    row(
        "trainer.mixed_precision=true",
        "trainer.mixed_precision must ... Did you mean trainer.precision? ...",
        "trainer.precision must be float32 or mixed_bfloat16; got true. ...",
    ),
    row(
        "trainer.epochs=0",
        "trainer.epochs must be a whole number in [1, inf); got 0. The default is ... (command line)",
    ),
    row(
        "trainer.epochs=2.5",
        "trainer.epochs must be a whole number in [1, inf); got 2.5. The default is ... (command line)",
    ),
    row(
        "trainer.epochs=true",
        "trainer.epochs must be a whole number in [1, inf); got true. The default is ... (command line)",
    ),
    row(
        "seed=4294967296",
        "seed must be a whole number in [0, 4294967295]; got 4294967296. The default is ... (command line)",
    ),
    row("seed=null", "seed must be ...; got null. The default is ... (command line)"),
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
    row("data=csv", "data.path must be given a value. Set it: data.path=... (the file; seen from ...). (command line)"),
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
        "optimizer.learning_rate must not read the environment: ...; got '${oc.env:HOME}'. Let the shell put ...",
    ),
    row(
        "'optimizer.learning_rate=$model.dropout'",
        "optimizer.learning_rate must be a number in (0, inf); got '$model.dropout'. ...",
    ),
    row("'seed=${oc.decode:3}'", "seed must resolve: ...; got '${oc.decode:3}'. (command line)"),
]
CONTRADICTIONS = [
    row(
        "'model.head={dense: $outputs}'",
        "model.head must end in softmax: loss=sparse_categorical_crossentropy takes probabilities; got linear."
        " model.head=auto follows the task. (command line)",
    ),
    row(
        "'model.head=[{dense: {units: $outputs, activation: softmax}}, {activation: softmax}]'",
        "model.head[1].activation must not follow softmax: what comes out would be squashed twice; got softmax. ...",
    ),
    row(
        "data=diabetes 'model.head=[{dense: $outputs}, {dropout: 0.5}]'",
        "model.head[1].dropout must not be the model's last layer: it sets predictions to 0 at random ...",
    ),
    row(
        "loss=logits loss.from_logits=true",
        "loss.from_logits must be false: the model ends in softmax, so that its outputs are no logits any more; got"
        " true. Type loss.from_logits=false, or take the activation from the output layer. (command line)",
        files=option(
            "loss/logits",
            "# Mine\n_target_: keras.losses.SparseCategoricalCrossentropy\nfrom_logits: false   # what it takes\n",
        ),
    ),
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
    row("model=linear model.dropout=0.3", "model.dropout must stay 0: no layer of model=linear reads it; got 0.3. ..."),
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
    row(
        "probe=[weight_norm] trainer.strategy=mirrored",
        "probe must be [] with trainer.strategy=mirrored: a probe looks at a model on one device; got weight_norm. Type"
        " probe=[] or trainer.strategy=none. (command line)",
    ),
    row(
        "probe=[saturation]",
        "probe.saturation must have something to look at: no hidden layer ends in sigmoid, hard_sigmoid or tanh; got"
        " model=mlp with relu. Leave it out: ~probe.saturation; or type activation=sigmoid. (command line)",
    ),
    row(
        "probe=[dead_units] activation=tanh",
        "probe.dead_units must have something to look at: no hidden layer ends in relu or relu6; got model=mlp with"
        " tanh. Leave it out: ~probe.dead_units; or type activation=relu. (command line)",
    ),
    row(
        "probe=[zero_gradient_units] model=linear",
        "probe.zero_gradient_units must have something to look at: ...; got model=linear with no activation. Leave it"
        " out: ~probe.zero_gradient_units. (command line)",
    ),
    row(
        "trainer.lr_finder=true optimizer=bare",
        "trainer.lr_finder must be false: optimizer=bare has no learning_rate to look for; got true. Choose another"
        " optimizer. (command line)",
        files=option("optimizer/bare", "# Bare: steps of a fixed size\n_target_: keras.optimizers.SGD\n"),
    ),
    row(
        "model=lstm",
        "model.layers[1].layers#0[0].lstm must get sequences, ...; got (8, 8, 1) from the data. Type data.layout=rows."
        " ...",
    ),
    row("model=lstm data=iris", "...lstm must get sequences, ...; got (4,) from the data. Take data of sequences, ..."),
    row(
        "model=cnn data.layout=pixels",
        "...conv2d must get images, ...; got (64,) from the data. Type data.layout=image. ...",
    ),
    row(
        "data=iris 'augment=[random_translation]'",
        "augment.random_translation must get images, (height, width, channels); got (4,) from the data."
        " Type augment=[feature_dropout], or augment=[]. (command line)",
    ),
    row(
        "augment=random_translaton",
        "augment must name ...; got random_translaton. Did you mean augment=[random_translation]? ...",
    ),
    row(
        "data=diabetes trainer.class_weight=balanced",
        "trainer.class_weight must be null: a regression has no classes; got balanced. ... (command line)",
    ),
    row(
        "data=iris 'trainer.class_weight={setosa: -1}'",
        "trainer.class_weight.setosa must be a number in [0, inf); got -1. ...",
    ),
]
TOGETHER = [
    row(
        "trainer.epochs=0 model.dropout=2 optimizer=adm qqq=1 seed=a",
        "trainer.epochs must ...; got 0. The default is ... (command line)",
        "model.dropout must ...; got 2. The default is 0. (command line)",
        "optimizer must name an option ...; got adm. Did you mean optimizer=adam? ...",
        "qqq must be a key ...",
        "seed must ...; got 'a'. The default is 0. (command line)",
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
    row("config -m trainer.epochs=1,0", "trainer.epochs must ...; got 0. The default is ... (command line)"),
]
TRUST = [
    row("+optimizer.speed=1", "optimizer.speed must be a key that optimizer/adam declares. ..."),
    row(
        "++optimizer.learnin_rate=1",
        "optimizer.learnin_rate must be a key ... Did you mean optimizer.learning_rate? ...",
    ),
    row("+qqq=1", "qqq must be a key that the config declares. ..."),
    row("++model.dropout=1.5", "model.dropout must be a number in [0, 1); got 1.5. The default is ... (command line)"),
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
        "hydra/launcher=slurm",
        "hydra/launcher must name an option of hydra/launcher; got slurm. There are: basic, dlrun... (command line)",
    ),
    row(
        "'hydra.searchpath=[file:///tmp]'",
        "hydra.searchpath must be left alone: ...; got [file:///tmp]. dlrun show project ... (command line)",
    ),
    row(
        "hydra.run.dir=/tmp/elsewhere",
        "hydra.run.dir must be left alone: ...; got /tmp/elsewhere. On the command line hydra/launcher=NAME ...",
    ),
    row("hydra.mode=MULTIRUN", "hydra.mode must be left alone: -m asks for a sweep; got MULTIRUN. Type dlrun -m ..."),
    row("hydra/job_logging=default", "hydra/job_logging must be left alone: ...; got default. ... (command line)"),
    row("'name=${evil:1}'", "name must call no resolver but OmegaConf's own: 'evil' is ...; got '${evil:1}'. ..."),
    row(
        "-m 'seed=range(0,1000000000)'",
        "seed must sweep over fewer values: a command has at most 100,000 runs, and this one asks for ... runs;"
        " got range(0,1000000000). Split ...",
    ),
    row("optimizer.option=sgd", "optimizer.option must not be set: ...; got sgd. Type optimizer=sgd. (command line)"),
    row("~model", "model must be there: a run needs it; got nothing. Choose one: model=... (command line)"),
    row("~data", "data must be there: a run needs it; got nothing. Choose one: data=... (command line)"),
    row("~tracking", "tracking must be there: ... (command line)"),
    row("~seed", "seed must have a value; got nothing. Set it, ...: seed=VALUE. (command line)"),
    row(
        "~optimizer.learning_rate", "optimizer.learning_rate must have a value; got nothing. Set it, ... (command line)"
    ),
    row(
        "model.hidden.first=5",
        "'model.hidden.first=5' must fit the config: there is a list. A list's items are numbered from 0: ...",
    ),
    row("~qqq", "'~qqq' must fit the config: ...'qqq' does not exist. (command line)"),
]
RUN = {
    "runs/0123456789abcdef/spec.json": '{"seed": 0, "optimizer": {"option": "adam", "learning_rate": 0.1}}',
    "runs/0123456789abcdef/result.json": '{"status": "finished", "metrics": {"test_accuracy": 0.9}, "started": 1.0}',
}
COMPARE = [
    row(
        "compare runs --where 'learning_rat>1' --where status=faild",
        "error --where must name a key, a metric or a tag of these runs; got learning_rat. Did you mean ...?",
        "--where must compare status with a status; got status=faild. Did you mean --where 'status=failed'?",
        files=RUN,
    ),
    row(
        "compare runs --where learning_rate",
        "error --where must be KEY OP VALUE in one word, ...; got 'learning_rate'. Put it in quotes, ...",
        files=RUN,
    ),
    row("compare runs --where 'age<2'", "error --where must compare age by < or > with a time such as ...", files=RUN),
    row("compare runs --sort accuracy", "error --sort must name a column or a metric; got accuracy. ...", files=RUN),
    row("compare runs --by seed", "error --by must be a key that varies; got seed. Nothing varies ...", files=RUN),
    row("compare runs --metric f1", "error --metric NAME must name a metric ...; got f1. Choose one of ...", files=RUN),
    row("compare qqq", "error 'qqq' must be last, best, best@METRIC, the start of an id, ...", files=RUN),
]
CALLS = [
    row(
        "-m seed=0,1,2 search.confirm_above=2",
        "error This trains 3 runs: more than search.confirm_above, which is 2. ... type search.confirm_above=3.",
    ),
    row("-m seed=0,1 search.confirm_above=0", "search.confirm_above must be a whole number ... (command line)"),
    row("--jobs 2 launcher.jobs=3", "error --jobs must not stand beside launcher.jobs=3: both set launcher.jobs. ..."),
    row(
        "launcher.jobs=some", "launcher.jobs must be a whole number in [0, inf) or auto; got 'some'. ... (command line)"
    ),
    row(
        "-m trainer.lr_finder=true seed=0,1",
        "error trainer.lr_finder is for one run at a time; these words make 2. Leave -m out.",
    ),
    row(
        "seed=0,1",
        "seed must be one value without -m; got 0,1. Add -m to sweep over the values. (command line)",
    ),
    row("-m trainer.threads=1,2", "trainer.threads must have one value in a sweep: ... (command line)"),
    row(
        "-m seed=0,1 launcher.jobs=0 launcher.trial_timeout=9 launcher.halve_batch=true",
        "launcher.trial_timeout must be left as it is beside launcher.jobs=0: nobody would heed it; got 9.0. ...",
        "launcher.halve_batch must be left as it is beside launcher.jobs=0: ...; got True. (command line)",
    ),
    row(
        "-m seed=0,1 hydra/launcher=basic launcher.jobs=2",
        "launcher.jobs must be left as it is beside another hydra/launcher than ...; got 2. Joblib's ...",
    ),
    row(
        "-m trainer.deterministic=true,false launcher.jobs=0",
        "trainer.deterministic must have one value where all runs may share a process: ... (command line)",
    ),
    row(
        "-m trainer.deterministic=true,false hydra/launcher=basic",
        "trainer.deterministic must have one value ... or leave launcher.jobs and hydra/launcher as dlrun ...",
    ),
    row("-m seed=1,2 hydra/sweeper=basic", "hydra/sweeper must be dlrun's own; got ... Leave hydra/sweeper out. ..."),
    row("tracking.uri=http://me:secret@127.0.0.1:9", "tracking.uri must not hold a password: ... (command line)"),
    row(
        "-m 'optimizer.learning_rate=interval(0,1)'",
        "optimizer.learning_rate must list its values: a grid has no points on an interval; got interval(0,1). ...",
    ),
    row("'seed=[1'", "'seed=[1' must close what it opens: ] is missing. Type 'seed=[1]', quoted for the shell. ..."),
    row("'name=\"a'", "'name=\"a' must close what it opens: \" is missing. ..."),
    row("=3", "'=3' must name a key before the =. Type KEY=VALUE, without spaces round the sign. (command line)"),
    row("train iris", "'iris' must be KEY=VALUE. Did you mean data=iris? (command line)"),
    row("train what", "'what' must be KEY=VALUE. Type what=VALUE, without spaces round the sign. (command line)"),
    row("model= cnn", "'model= cnn' must be typed without spaces, or in quotes. Type model=cnn. (command line)"),
    row(
        "'optimizer=adam(lr=1)'",
        "'optimizer=adam(lr=1)' must choose an option: its keys are words of their own."
        " Type optimizer=adam optimizer.learning_rate=1. (command line)",
    ),
    row("'regularizer=l2(0.01)'", "... Type regularizer=l2 regularizer.l2=0.01. (command line)"),
    row("regularizer=l2=0.01", "... Type regularizer=l2 regularizer.l2=0.01. (command line)"),
    row(
        "'seed=logspace(1,2)'",
        "... must be a value: logspace is no function here. Type the value itself: seed=VALUE. ...",
    ),
    row("'model.hidden=[64,' '64]'", "'model.hidden=[64, 64]' must be typed without spaces, or in quotes. ..."),
    row("-m model.dropout=0.1, 0.2", "'model.dropout=0.1, 0.2' must ... Type model.dropout=0.1,0.2. (command line)"),
    row(
        "optimizer.learning_rate = 0.1",
        "error 'optimizer.learning_rate' is no verb. Type optimizer.learning_rate=0.1, ...",
    ),
    row(
        "seed=1 model = cnn", "'model = cnn' must be typed without spaces, or in quotes. Type model=cnn. (command line)"
    ),
    row("split.train=0.7", "split.train must be a key ... Training gets the rows that test and validation leave. ..."),
    row(
        "split.test=20%",
        "split.test must be a number in (0, 1); got '20%'. Did you mean split.test=0.2? (command line)",
    ),
    row(
        "callback.patience=3",
        "callback.patience must be an option ...; got 3. Did you mean callback.early_stopping.patience? ...",
    ),
    row(
        "callback.early_stopping=null", "... got null. To leave it out, type '~callback.early_stopping'. (command line)"
    ),
    row("metric.f1=1", "metric.f1 must be ...; got 1. To choose it, type +metric=[f1]. (command line)"),
    row(
        "trainer.device=cuda:0",
        "trainer.device must be auto, cpu or gpu; got 'cuda:0'. Did you mean trainer.device=gpu? ...",
    ),
    row(
        "--epochs 20 --lr 0.01",
        "error --epochs must ... trainer.epochs=20? --lr must ... optimizer.learning_rate=0.01? ...",
    ),
    row(
        "model.dropout=0,3",
        "model.dropout must be one ... Did you mean model.dropout=0.3? Otherwise add -m to sweep ...",
    ),
    row("model.hidden=32,16", "model.hidden must be one ... or write a list as model.hidden=[32,16]. (command line)"),
    row("'model.hidden=[32],[16]'", "model.hidden must be one ... Add -m to sweep over the values. (command line)"),
    row("--seeds 0,1", "error --seeds must be how many; got 0,1. Type -m seed=0,1. ..."),
    row("--seeds 5 seed=1", "error --seeds must not stand beside seed=1: both set seed. Leave one out."),
    row("--folds 3 split=holdout", "error --folds must not stand beside split=holdout: both set split. Leave one out."),
    row("digits_rate_and_dropout", "error 'digits_rate_and_dropout' is no verb. Did you mean dlrun experiment=..."),
    row(
        "check digits_rate_and_dropout",
        "error digits_rate_and_dropout is an experiment, and no run. Type dlrun check -m ...",
    ),
    row(
        "show learning-rate",
        "error NAME must be ...; got learning-rate. Did you mean dlrun show optimizer.learning_rate?",
    ),
    row("show csv.target", "error NAME must be ...; got csv.target. Did you mean dlrun show data.target?"),
    row("ls layer conv", "error Got unexpected extra argument (conv). dlrun ls --help shows what it takes."),
    row(
        "init layer foo",
        "error dlrun init takes ...; a component needs --component. Type ... --component layer foo.",
    ),
    row("name=“a”", "'name=“a”' must be typed in plain quotes and hyphens, without “ ”. Type name=\"a\". ..."),
    row("'name=a;b'", "'name=a;b' must stand in quotes: Hydra reads ; as a sign of its own. Type 'name=\"a;b\"'. ..."),
    row("trian seed=1", "error 'trian' is no verb, and no KEY=VALUE. Did you mean dlrun train?"),
    row("iris", "error 'iris' is no verb. Did you mean dlrun data=iris?"),
    row("--sede 3", "error --sede must be a flag of dlrun train. Did you mean seed=3? ..."),
    row(
        "seed=1 -z", "error -z must be a flag of dlrun train. dlrun train --help shows the flags; KEY=VALUE sets a key."
    ),
    row("--seeds 0", "error --seeds must be 1 or more; got 0."),
    row("diff last", "error Missing argument 'RUN'. dlrun diff --help shows what it takes."),
    row("diff last last", "error There are no runs in ... yet. dlrun trains one; dlrun -m seed=0,1,2 sweeps."),
    row("why best last", "error best needs a finished run; there is none yet. ... There are no runs in ... yet. ..."),
    row(
        "why last last --metric", "error Option '--metric' requires an argument. dlrun why --help shows what it takes."
    ),
    row("reproduce nosuch", "error There are no runs in ... yet. dlrun trains one; dlrun -m seed=0,1,2 sweeps."),
    row("reproduce last --tolerance 2", "error --tolerance must be a number in [0, 1); got 2. Without it, it is 0.01."),
    row("reproduce s3://bucket/run", "error A run must lie on this machine; got s3://bucket/run. ..."),
    row("sync nosuch", "error There are no runs in ... yet. dlrun trains one; dlrun -m seed=0,1,2 sweeps."),
    row("sync --to gopher://x", "--to must begin with sqlite:///, ...; got 'gopher://x'. Type --to ..."),
    row("sync --to sqlite:///no/other.db", "--to must be an MLflow store: there is no folder ...; got ..."),
    row("sync --upgrade", "error There is no store at .../mlflow.db. The next run makes one: dlrun"),
    row("sync --upgrade last", "error dlrun sync --upgrade sends nothing, so that it takes --to alone. ..."),
    row("sync --upgrade --to http://127.0.0.1:9", "error Only a store in a file is upgraded here; got http://...: ..."),
    row("runs nosuch", "error There are no runs in ... yet. dlrun trains one; dlrun -m seed=0,1,2 sweeps."),
    row("runs --status finihed", "error --status must be a status; got finihed. Did you mean --status finished?"),
    row("runs --delete", "error --delete must be told which runs: last, an id, a path, or --where ..."),
    row(
        "runs last --delete --note x --yes",
        "error --delete must stand alone: what is said of a run goes with it. Leave the other options out.",
    ),
    row(
        "runs last --yes --note x",
        "error --yes must go with --delete or --archive, which ask a question; the others ask none.",
    ),
    row(
        "runs last --tag idea --untag dlrun.x",
        "error --tag must be NAME=VALUE; got idea. As in --tag idea=yes.",
        "--untag must not begin with mlflow. or dlrun., which say what they say of runs; got dlrun.x.",
    ),
    row("clean --keep-best", "error --keep-best must go with --checkpoints or --models: ..."),
    row("clean nosuch", "error Got unexpected extra argument (nosuch). dlrun clean --help shows what it takes."),
    row("-m seed=0,1 launcher.if_running=maybe", "launcher.if_running must be wait or refuse; ... (command line)"),
    row("--folds x", "error argument --folds: invalid int value: 'x'. ..."),
    row("--cfg jobs", "error argument --cfg/-c: invalid choice: 'jobs' ..."),
    row(
        "-m seed=1,2 --cfg job",
        "error --cfg and --info show one config: leave -m out, or list the trials with dlrun config -m.",
    ),
    row("--experimental-rerun x", "error dlrun does not take --experimental-rerun, which unpickles a file: ..."),
    row(
        "check model.h5",
        "error An HDF5 model (.h5) is not opened: it may hold code. Ask for the run's whole directory, ...",
    ),
    row(
        "check m.pkl", "error A .pkl file is not opened: it may be a pickle, which runs code ... Ask for the run's ..."
    ),
    row(
        "check lone.keras",
        "error A .keras file alone is not opened: ... Ask for the run's whole directory, runs/ID: ...",
    ),
    row(
        "check https://example.org/run",
        "error A run must lie on this machine; got ... Download its whole directory ...",
    ),
    row(
        "--no-project optimizer=mine",
        "optimizer must name an option of optimizer (dlrun ls optimizer); got mine. ... (command line)",
        files=option(
            "optimizer/mine", "# Mine\n_target_: keras.optimizers.SGD\nlearning_rate: 0.1  # (0, inf): rate\n"
        ),
    ),
    row("--config-dir x", "error dlrun does not take --config-dir: ... (dlrun show project)."),
    row("config --sede", "error dlrun config knows no --sede. dlrun config --help shows its flags."),
    row("config -m --changed seed=0,1", "error --changed is for one config: leave -m out."),
    row("config --csv", "error --csv is for the table of trials: add -m. --json prints the config."),
    row("ls optimzer", "error GROUP must be a config group; got optimzer. Did you mean dlrun ls optimizer?"),
    row("show optimizer/adm", "error NAME must be an option, ... got optimizer/adm. Did you mean ...?"),
    row("schema optimzer", "error KIND must be experiment, project or option/GROUP; got optimzer. Did you mean ...?"),
    row("schema --write", "error dlrun schema --write must be called in a project: ... touch conf/project.yaml."),
    row("schema --write model", "error --write writes all schemas: leave model out."),
]
FILES = [
    row(
        "experiment=mine",
        "optimizer.learnin_rate must be a key ... Did you mean optimizer.learning_rate? (experiments/mine.yaml:3)",
        "model.dropout must be a number in [0, 1); got 1.5. The default is ... (experiments/mine.yaml:5)",
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
        "... must choose ...; got `override /optimzer: adam`. Write `- override /optimizer: adam`."
        " (experiments/mine.yaml:3)",
        files=experiment("# Mine\ndefaults:\n  - override /optimzer: adam\n  - _self_\n"),
    ),
    row(
        "experiment=mine",
        "experiment/mine: defaults must choose ...; got `optimizer: adm` outside of defaults."
        " Write `- override /optimizer: adam`. (experiments/mine.yaml:2)",
        files=experiment("# Mine\noptimizer: adm\n"),
    ),
    row(
        "experiment=mine",
        "... got `data: wine`. Write `- override /data: wine`. (experiments/mine.yaml:3)",
        "... got `/optimizer: sgd`. Write `- override /optimizer: sgd`. (experiments/mine.yaml:4)",
        "... got `override model: mlp`. Write `- override /model: mlp`. (experiments/mine.yaml:5)",
        "... got `callback: [early_stopping]` outside of defaults. Write ... (experiments/mine.yaml:7)",
        "trainer.epoch must be a key ... Did you mean trainer.epochs? (experiments/mine.yaml:10)",
        files=experiment(
            "# Mine\ndefaults:\n  - data: wine\n  - /optimizer: sgd\n  - override model: mlp\n  - _self_\n"
            "callback:\n  - early_stopping\ntrainer:\n  epoch: 3\n"
        ),
    ),
    row(
        "experiment=mine",
        "... must name files that are there; got mien. ... (experiments/mine.yaml:1)",
        "... must name a config group; got xyz. There are: ... (experiments/mine.yaml:1)",
        "... must name other files first, above _self_ and ...; got yours. Move it up. (experiments/mine.yaml:1)",
        files=experiment("defaults: [mien, _self_, override /xyz: 3, yours]\n")
        | {"experiments/yours.yaml": "seed: 3\n"},
    ),
    row(
        "experiment=mine",
        "optimizer.learning_rate must be nested: ... Write `learning_rate: 0.1` below `optimizer:`. (...mine.yaml:1)",
        "trainer.epoch must be nested: ... Write `epoch: 3` below `trainer:`. (experiments/mine.yaml:3)",
        "trainer.epoch must be a key ... Did you mean trainer.epochs? (experiments/mine.yaml:3)",
        files=experiment("optimizer.learning_rate: 0.1\ntrainer: {batch_size: 8}\ntrainer.epoch: 3\n"),
    ),
    row(
        "-m experiment=mine",
        "sweep must stand under hydra.sweeper.params: ... Write there `optimizer.learning_rate: 0.1,0.01`. ...yaml:1)",
        "model.hiden must be a key ... Did you mean model.hidden? ...",
        files=experiment("sweep:\n  optimizer.learning_rate: [0.1, 0.01]\nmodel: {hiden: 3}\n"),
    ),
    row(
        "-m experiment=mine",
        "seed must name the values of a sweep as text, ...; got [1, 2]. Write `seed: 1,2`. (experiments/mine.yaml:4)",
        files=experiment("hydra:\n  sweeper:\n    params:\n      seed: [1, 2]\n"),
    ),
    row(
        "experiment=mine",
        "mine.yaml must be YAML: the line begins with a tab; indent with spaces. (experiments/mine.yaml:2)",
        files=experiment("trainer:\n\tepochs: 3\n"),
    ),
    row(
        "experiment=mine",
        "experiment must lie in a file that ends in .yaml; got mine. Rename mine.yml: it is not read. ...mine.yml)",
        files=PROJECT | {"experiments/mine.yml": "seed: 3\n"},
    ),
    row(
        "seed=1",
        "project: defaults must choose ...; got `sgd`. Write `- override /optimizer: sgd`. (conf/project.yaml:1)",
        "modle must be a key ...",
        files={"conf/project.yaml": "defaults: [sgd]\nmodle: 3\n"},
    ),
    row(
        "seed=1",
        "project: defaults must be a list; got sgd. ... (conf/project.yaml:1)",
        files={"conf/project.yaml": "defaults: sgd\n"},
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
        "model.dropout must be a number in [0, 1); got 1.5. The default is ... (experiments/mine.yaml:6)",
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
        "... must name options of optimizer; got Adem. Did you mean adam? (conf/optimizer/mine.yaml:2)",
        "... must name options of optimizer; got nobody. There are: ... (conf/optimizer/mine.yaml:2)",
        files=option("optimizer/mine", "# Mine\ndefaults: [Adem, nobody, _self_]\n"),
    ),
    row(
        "optimizer=mine",
        "... must be a list; got adam. Write `defaults: [adam, _self_]`. (conf/optimizer/mine.yaml:2)",
        files=option("optimizer/mine", "# Mine\ndefaults: adam\n"),
    ),
    row(
        "optimizer=mine",
        "... must name _self_ last: ...; got [_self_, adam]. Write [adam, _self_]. (conf/optimizer/mine.yaml:2)",
        files=option("optimizer/mine", "# Mine\ndefaults: [_self_, adam]\nlearning_rate: 0.1\n"),
    ),
    row(
        "show mine",
        "optimizer/mine: defaults must be a list; got adam. ... (conf/optimizer/mine.yaml:2)",
        files=option("optimizer/mine", "# Mine\ndefaults: adam\n"),
    ),
    row(
        "optimizer=mine",
        "optimizer/mine: learning_rate must have a valid rule: '>0' is no rule; write (0, inf). (...mine.yaml:3)",
        files=option("optimizer/mine", "# Mine\n_target_: keras.optimizers.SGD\nlearning_rate: 0.1  # >0: rate\n"),
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
        "data=csv data.path=t.csv data.stream=true trainer.batch_size=full",
        "trainer.batch_size must be a number where data is streamed: ...; got full. Type trainer.batch_size=1024. ...",
        files=csv(TABLE),
    ),
    row(
        "data=csv data.path=t.csv data.stream=maybe",
        "data.stream must be auto, True or False; got ... The default is auto. ...",
        files=csv(TABLE),
    ),
    row("trainer.shuffle_window=0", "trainer.shuffle_window must be ...; got 0. ..."),
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
        "data.path must hold numbers in column 'a'; got 'old' in row 11. ... data.drop=[a], ... (t.csv:12)",
        files=csv(f"{TABLE}old,2,no\n"),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must hold two classes or more in column 'kind', ...; got 'no' in every row. ... (t.csv)",
        files=csv(TABLE.replace("yes", "no")),
    ),
    row(
        "data=csv data.path=https://x.org/a.csv",
        "data.path must be a file on this machine; got the address 'https://x.org/a.csv'. Download it first, ...",
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must be a CSV file; got a gzip file. Unpack it: gunzip -k t.csv (t.csv)",
        files=csv(b"\x1f\x8b\x08\x00\xff"),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must hold numbers in column 'n'; got '1,000' in row 1 (10 such cells). The comma groups thousands:"
        " take it out of the cells, as in 1000. (t.csv:2)",
        files=csv("n,a,b,kind\n" + "".join(f'"1,000",{line}\n' for line in ROWS.splitlines())),
    ),
    row(
        "data=csv data.path=t.csv data.target=1",
        "data.target must name a column of t.csv; got '1'. Columns go by their names; counted from 0, this one is"
        " data.target=b. ... (command line)",
        files=csv(TABLE),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must spell each class in one way in column 'kind'; got 'Yes' and 'yes'. ... (t.csv)",
        files=csv(f"{TABLE}3,2,Yes\n"),
    ),
    row("data=images data.path=no", "data.path must be an existing folder; got 'no'. Looked from ..."),
    row(
        "data=images data.path=photos",
        "data.path must be an image: PNG, JPEG, WebP, BMP or GIF; got no image. Remove ... (photos/cat/a.png)",
        "data.path must be an image that can be read; got an empty file. Get it again, ... (photos/dog/b.jpg)",
        files={"photos/cat/a.png": "no image", "photos/dog/b.jpg": b""},
    ),
    row(
        "data=images data.path=photos data.size=[8]",
        "data.path must have 67,108,864 pixels or fewer, as its header says it: it is not decoded; got 20000 x 20000 ...",
        "data.path must hold two classes or more: folders of images; got 'cat' alone. ... (photos)",
        "data.size must be auto, or height and width, at most 8192 pixels each; got [8]. Such as data.size=[64,64]. ...",
        files={"photos/cat/huge.png": HUGE_PNG},
    ),
    row(
        "data=images_table data.path=t.csv data.image=a data.target=kind",
        "data.path must name files that there are; got '0'. Names are seen from .; ... (t.csv:2)",
        "...",
        files=csv("a,kind\n0,yes\n"),
    ),
    row(
        "data=masks data.path=shapes model=unet",
        "data.path must have a mask for each image; got no masks/a. Add it, or move the image away: ... (shapes/images/a.png)",
        "data.path must have an image for each mask; got no images/b. ... (shapes/masks/b.png)",
        files={"shapes/images/a.png": "no image", "shapes/masks/b.png": b""},
    ),
    row(
        "data=masks data.path=shapes model=unet",
        "data.path must be an image: PNG, JPEG, WebP, BMP or GIF; got no image. Remove ... (shapes/masks/a.png)",
        "data.path must have 67,108,864 pixels or fewer, as its header says it: it is not decoded; got 20000 x 20000 ...",
        files={"shapes/images/a.png": HUGE_PNG, "shapes/masks/a.png": "no image"},
    ),
    row(
        "data=masks data.path=shapes data.images=photos model=unet",
        "data.images must name a folder in shapes; got 'photos'. There is images, masks; another name is"
        " data.images=NAME. ...",
        files={"shapes/images/a.png": "", "shapes/masks/a.png": ""},
    ),
    row(
        "data=masks data.path=shapes data.size=[8] 'data.classes={a: 0}' model=unet",
        "data.size must be auto, or height and width, at most 8192 pixels each; got [8]. ...",
        "data.classes must name values, which are whole numbers; got {'a': 0}. Such as 'data.classes={0: ground, ...",
        files={"shapes/images/a.png": "", "shapes/masks/a.png": ""},
    ),
    row(
        "data=texts data.path=reviews",
        "data.path must be UTF-8 text; got byte 0xe9 at offset 3. It may be WINDOWS-1252: ... iconv ... (reviews/good/1.txt)",
        "data.path must hold text; got an empty file. Remove it, ... (reviews/bad/1.txt)",
        files={"reviews/good/1.txt": b"caf\xe9", "reviews/bad/1.txt": ""},
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
    row("tracking.register=a/b", "tracking.register must be a name that MLflow takes, without / and :; got 'a/b'. ..."),
    row(
        "tracking.register=mine trainer.save_model=never",
        "tracking.register must be null: without a model ...; got mine. Leave out trainer.save_model=never. ...",
    ),
    row("tracking.system_metrics_seconds=-1", "tracking.system_metrics_seconds must be ...; got -1. ..."),
    row(
        "tracking.system_metrics_seconds=0.5",
        "tracking.system_metrics_seconds must be 0 or a number in [1, inf); got 0.5. ...",
    ),
    row("tracking.uncommitted=maybe", "tracking.uncommitted must be true or false; got 'maybe'. ..."),
    row("tracking=mlfow", "tracking must name an option ...; got mlfow. Did you mean tracking=mlflow? ..."),
]
OPTIONS = [
    row(
        "optimizer=mine",
        "optimizer/mine: learning_rat must be a parameter of keras.optimizers.Adam. Did you mean learning_rate?"
        " (conf/optimizer/mine.yaml:3)",
        files=option("optimizer/mine", "# Mine\ndefaults: [adam, _self_]\nlearning_rat: 0.1\n"),
    ),
    row(
        "'model.layers=[flatten,{mine: 3}]'",
        "layer/mine: _target_ must name ...; got keras.layers.Dens. Did you mean keras.layers.Dense? ..."
        " (conf/layer/mine.yaml:2)",
        files=option("layer/mine", "# Mine\n_target_: keras.layers.Dens\nunits: ???   # int: x\n"),
    ),
    row(
        "activation=mine",
        "activation/mine: _target_ must name ...; got bent.Bent. There is no bent.py in the project, and no installed"
        " package bent. (conf/activation/mine.yaml:2)",
        files=option("activation/mine", "# Mine\n_target_: bent.Bent\n"),
    ),
    row(
        "activation=mine",
        "bent.py must be Python: ... (bent.py:1)",
        files=option("activation/mine", "# Mine\n_target_: bent.Bent\n") | {"bent.py": "class Bent(:\n"},
    ),
    row(
        "activation=mine trainer.epochs=0",
        "trainer.epochs must be ...; got 0. ... (command line)",
        "activation/mine: soft must be a parameter of bent.Bent (bent.py:2). Did you mean softness? ...mine.yaml:3)",
        files=option("activation/mine", "# Mine\n_target_: bent.Bent\nsoft: 1.0\n")
        | {
            "bent.py": "import keras\nclass Bent(keras.Layer):\n"
            "    def __init__(self, softness, **kw):\n        super().__init__(**kw)\n"
        },
    ),
    row(
        "loss=mine",
        "loss/mine: _target_ must be a keras.losses.Loss; got keras.metrics.AUC, a keras.metrics.Metric. Move ...",
        files=option("loss/mine", "# Mine\n_target_: keras.metrics.AUC\n"),
    ),
    row(
        "loss=mine",
        "loss/mine: _target_ must be a class derived from keras.losses.Loss, or a function that builds one from the"
        " option's keys: mine.mine (mine.py:1) asks for y_true and y_pred. ... `dlrun init --component loss NAME` ...",
        files=option("loss/mine", "# Mine\n_target_: mine.mine\nalpha: 0.5   # [0, 1]: x\n")
        | {"mine.py": "def mine(y_true, y_pred, alpha=0.5): ...\n"},
    ),
    row(
        "loss=mine",
        "loss/mine: _target_ must call `super().__init__` in its `__init__`: mine.Mine (mine.py:2) does not. Write ...",
        files=option("loss/mine", "# Mine\n_target_: mine.Mine\n")
        | {"mine.py": "import keras\nclass Mine(keras.losses.Loss):\n    def __init__(self):\n        self.a = 1\n"},
    ),
    row(
        "loss=mine",
        "loss/mine: _tasks_ must hold binary, multiclass, regression or segmentation, as a list; got classification."
        " (conf/loss/mine.yaml:3)",
        files=option("loss/mine", "# Mine\n_target_: keras.losses.Poisson\n_tasks_: [classification]\n"),
    ),
    row(
        "loss=mine",
        "loss/mine: _target_ must name ...; got my-own/loss.py:Mine. Write it with dots, ...: my_own.loss.Mine. ...",
        files=option("loss/mine", "# Mine\n_target_: my-own/loss.py:Mine\n"),
    ),
    row(
        "loss=mine",
        "mine.py must import modules that are there; got kers. Did you mean keras? There is no kers.py ... (mine.py:2)",
        files=option("loss/mine", "# Mine\n_target_: mine.Mine\n")
        | {"mine.py": "import math\nimport kers\nclass Mine(kers.losses.Loss): ...\n"},
    ),
    row(
        "trainer=mine",
        "trainer/mine: epoch must be a key that dlrun reads ... Did you mean epochs? (conf/trainer/mine.yaml:3)",
        files=option("trainer/mine", "# Mine\ndefaults: [default, _self_]\nepoch: 3\n"),
    ),
    row("init", "error dlrun init looks at data of your own. Type dlrun init FILE for data of your own, ..."),
    row("init a.csv b.csv c.csv", "error dlrun init takes one file or folder; got a.csv b.csv c.csv. ..."),
    row("init --component layr gated", "error KIND must be a kind of component; got layr. Did you mean layer?"),
    row("init --component layer dense", "error NAME must not be the name of a packaged option: ...; got dense. ..."),
    row(
        "init --component layer gated",
        "error gated.py is there already: nothing was written. Choose another name, ...",
        files={"gated.py": ""},
    ),
]

_HOURS = "".join(f"2024-01-01T{i:02}:00,{i},{2 * i}\n" for i in range(24))
HOURS = f"when,x,y\n{_HOURS}"


def series(content: str | bytes) -> dict[str, str | bytes]:
    return {"s.csv": content}


_OF_SERIES = "data=series data.path=s.csv data.time=when data.window=4"
SERIES = [
    row("data=series", "data.path must be given a value. Set it: data.path=... ..."),
    row(
        "data=series data.path=t.csv data.time=when data.window=4",
        "data.path must be an existing file; got 't.csv'. Did you mean data.path=s.csv? ...",
        files=series(HOURS),
    ),
    row(
        "data=series data.path=s.csv data.window=4",
        "data.path must hold numbers in column 'when'; got '2024-01-01T00:00' in row 1 (24 such cells). Is it the time?"
        " Type data.time=when. Correct the file, or leave out what holds text: data.drop=[when] (s.csv:2)",
        files=series(HOURS),
    ),
    row(
        "data=series data.path=s.csv data.time=wen data.target=z data.drop=[y,y2]",
        "data.time must name a column of s.csv; got 'wen'. Did you mean data.time=when? The columns are when, x, y. ...",
        "data.target must name a column of s.csv; got 'z'. The columns are when, x, y. ...",
        "data.drop must name a column of s.csv; got 'y2'. Did you mean 'y'? The columns are when, x, y. ...",
        files=series(HOURS),
    ),
    row(
        _OF_SERIES,
        "data.time must not go back from one row to the next; got '2024-01-01T01:00' in row 4. ... data.group=COLUMN."
        " Type data.order=sort, which reads rows by their time. (s.csv:5)",
        files=series(HOURS.replace("T03:", "T01:", 1).replace("T01:00,1,", "T01:30,1,")),
    ),
    row(
        _OF_SERIES,
        "data.time must hold each time once in a table; got '2024-01-01T02:00' in row 4. Where the table holds several"
        " series, name what tells them apart: data.group=COLUMN. Leave one of them out of the file. (s.csv:5)",
        files=series(HOURS.replace("T03:", "T02:")),
    ),
    row(
        _OF_SERIES,
        "data.time must go on in even steps, of which most are 1:00:00; got 4:00:00 before row 6. Type data.gaps=split:"
        " no window reaches over such a place. Or data.gaps=keep: rows count, and not times. (s.csv:7)",
        files=series("".join(line for i, line in enumerate(HOURS.splitlines(True)) if i not in (6, 7, 8))),
    ),
    row(
        _OF_SERIES,
        "data.time must hold a time in every row; got '' in row 3. Fill it in, or leave the row out of the file."
        " (s.csv:4)",
        files=series(HOURS.replace("2024-01-01T02:00", "")),
    ),
    row(
        _OF_SERIES,
        "data.time must hold numbers or dates, such as ...; got 'soon' in row 1. Say how they are written, ... (s.csv:2)",
        files=series(HOURS.replace("2024-01-01T00:00", "soon")),
    ),
    row(
        "data=series data.path=s.csv data.time=when",
        "data.time must be written in a way that can be read in one way only; got '01/02/2024' in row 1. Say which:"
        " data.time_format='%d/%m/%Y', or '%m/%d/%Y'. (s.csv:2)",
        files=series("when,y\n" + "".join(f"01/{i:02}/2024,{i}\n" for i in range(2, 9))),
    ),
    row(
        _OF_SERIES,
        "data.path must hold numbers in column 'x'; got 'high' in row 5. Correct the file, or leave out what holds text:"
        " data.drop=[x] (s.csv:6)",
        "data.path must have a value in every row of column 'y'; got 1 empty cell, the first in row 8. Type"
        " data.missing=forward, interpolate or keep: ... (s.csv:9)",
        files=series(HOURS.replace(",4,8", ",high,8").replace(",7,14", ",7,")),
    ),
    row(
        "data=series data.path=s.csv data.time=when data.window=23",
        "data.window must leave 3 samples or more: each takes 24 rows that follow one another; got 1 of 24 rows, at most"
        " 24. Type data.window=21, or less. (s.csv)",
        files=series(HOURS),
    ),
    row(
        f"{_OF_SERIES} data.target=sky data.steps_ahead=2",
        "data.steps_ahead must be 1 where classes are; got 2, and 'sun' in row 1 of 'sky'. Predict one, one step at a"
        " time; or numbers alone. (s.csv)",
        files=series(HOURS.replace("y\n", "y,sky\n", 1).replace(":00,", ":00,sun,").replace("x,y,sky", "sky,x,y")),
    ),
    row(
        "augment=[random_hue]",
        "augment.random_hue must get images of 3 channels, red, green and blue; got (8, 8, 1) from the data. ...",
    ),
    row(
        "augment=[random_brightness] preprocess=standard",
        "augment.random_brightness must get values from 0 to 1; got those that preprocess=standard makes. Type"
        " preprocess=minmax. (command line)",
    ),
    row(
        "augment=[mixup,cutmix]",
        "augment must hold one augmentation that mixes labels, not several; got mixup, cutmix. Leave out cutmix. ...",
    ),
    row("data=wine augment=[time_warp]", "augment.time_warp must get sequences, ...; got (13,) from the data. ..."),
]
PREFLIGHT = [
    row("preflight=stopp", "preflight must be stop, warn or none; got 'stopp'. Did you mean preflight=stop? ..."),
    row("init nowhere.csv", "data.path must be an existing file; got 'nowhere.csv'. Looked from ..."),
    row(
        "init t.csv --target knd",
        "--target must name a column of t.csv; got 'knd'. Did you mean --target kind? The columns are ...",
        files={"t.csv": TABLE},
    ),
    row(
        "init t.csv data.decimal=komma",
        "data.decimal must be point or comma; got 'komma'. Did you mean data.decimal=comma? (command line)",
        files={"t.csv": TABLE},
    ),
    row(
        "init t.csv model=mlp",
        "model must be a key of the data; got 'model=mlp'. FILE is the path, and ... (command line)",
        files={"t.csv": TABLE},
    ),
    row(
        "init t.csv",
        "data.path must have a first line that names its 3 columns: all 4 rows have 3 cells; got 4, iris. Put names in"
        " its place, ...: sed -i.bak ... t.csv (t.csv:1)",
        files={"t.csv": "4,iris\n1,2,a\n2,3,b\n3,4,a\n4,5,b\n"},
    ),
    row(
        "init t.csv --name iris",
        "error --name must not be the name of a packaged option: yours would take the place of data=iris everywhere; got"
        " iris. Did you mean my_iris?",
        files={"t.csv": TABLE},
    ),
    row("init t.csv", "data.path must hold rows below its header; got none. ...", files={"t.csv": "a,b,kind\n"}),
]
EVERY = [*TYPOS, *VALUES, *CONTRADICTIONS, *TOGETHER, *TRUST, *COMPARE, *CALLS, *FILES, *DATA, *STORAGE, *OPTIONS]
EVERY += SERIES
EVERY += PREFLIGHT

_NO_PARQUET = b"PAR1 cut short"
_NPY = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (9, 2), }".ljust(127) + b"\n"
SOURCES = [
    row(
        "data=parquet data.path=t.parquet",
        "data.path must be a whole Parquet file; got ...",
        files={"t.parquet": _NO_PARQUET},
    ),
    row(
        "data=jsonl data.path=t.jsonl",
        "data.path must hold a JSON object in each line; got '{\"a\": 1,' ... Write an object a line. ... (t.jsonl:2)",
        files={"t.jsonl": '{"a": 1, "b": 2}\n{"a": 1,\n'},
    ),
    row(
        "data=jsonl data.path=t.jsonl",
        "data.path must name each key once in a line; got 'a' more than once. Rename one of them. (t.jsonl:1)",
        files={"t.jsonl": '{"a": 1, "a": 2}\n'},
    ),
    row(
        "data=npy data.path=x.npy data.labels=y.npy",
        "data.path must hold numbers in 'x'; got Python objects, which are pickled: reading them may run code. ... (x.npy)",
        "data.path must hold numbers or text in 'y'; got Python objects, ... (y.npy)",
        "data.path must have a label for each sample; ...",
        files={"x.npy": _NPY, "y.npy": _NPY.replace(b"9,", b"8,")},
    ),
    row(
        "data=npz data.path=t.npz",
        "data.path must be a whole .npz file; got File is not a zip file. ... (t.npz)",
        files={"t.npz": b"a"},
    ),
    row(
        "data=tfrecord data.path=t.tfrecord",
        "data.path must hold whole records; got a wrong checksum in record 1, at byte 0. Is it a TFRecord file? (t.tfrecord)",
        files={"t.tfrecord": b"no record at all"},
    ),
    row(
        "data=tfds data.name=mnist", "data must find TensorFlow Datasets, which is an extra; got none. Install it: ..."
    ),
    row("data=npz data.path=none.npz", "data.path must be an existing file; got 'none.npz'. ... (command line)"),
    row(
        "data=picture.png",
        "data must name an option, or a file or folder that can be read; got 'picture.png'. What can be read: csv, ..."
        " (command line)",
        files={"picture.png": b"\x89PNG\r\n\0"},
    ),
    row(
        "-m data=t.csv,wine",
        "data must name files of one kind, whose options have the same keys; got t.csv (csv), wine (an option). ...",
        files=csv(TABLE),
    ),
    row("t.csv", "error 't.csv' is no verb. Type dlrun data=t.csv.", files=csv(TABLE)),
    row(
        "data=classification data.informative=2 data.classes=5",
        "data.informative must leave a corner of its cube to each cloud: ...; got 2. Type data.informative=4 or more. ...",
    ),
]
EVERY += SOURCES

RARE = [
    row(
        "data=iris split=grouped",
        "split must be another where the data does not tell which samples belong together; got grouped. Name the column"
        " that tells them apart: data.group=COLUMN. ...",
    ),
    row(
        "data=iris split=time",
        "split.order must be rows where the data does not tell when its samples are from; got time. ...",
    ),
    row(
        "data=iris split=files",
        "split must be another where the data is not given as files to train and to test on; got files. ...",
    ),
    row(
        "data=iris split=nested split.inner_fold=4",
        "split.inner_fold must be below split.inner_folds, which is 4: folds count from 0; got 4. ...",
    ),
    row(
        "data=iris split=repeated split.fold=50",
        "split.fold must be below split.folds times split.repeats, which is 50: ...; got 50. ...",
    ),
    row(
        "data=iris split.stratify=5", "split.stratify must be auto, true or false for task multiclass: ...; got 5. ..."
    ),
    row("data=diabetes sampling=oversample", "sampling must be none for task regression: ...; got oversample. ..."),
    row(
        "sampling=smote",
        "sampling must be another where samples are no rows of a table: ... Type sampling=oversample. ...",
    ),
    row("data=iris trainer.threshold=f1", "trainer.threshold must be 0.5 for task multiclass: ...; got f1. ..."),
    row("data=diabetes loss=focal", "loss must be a loss for a regression task; got focal. ..."),
    row("data=iris metric=[pr_auc]", "metric.pr_auc must be a metric for a multiclass task; got pr_auc. ..."),
]
EVERY += RARE

MASKS_RUN = {**RUN, "runs/0123456789abcdef/spec.json": '{"seed": 0, "task": "segmentation"}'}
PREDICT = [
    row("predict", "error Missing argument 'RUN'. dlrun predict --help shows what it takes."),
    row("predict last", "error Missing argument 'FILE'. dlrun predict --help shows what it takes."),
    row("predict last t.csv", "error There are no runs in ... dlrun trains one; ...", files=csv(TABLE)),
    row(
        "predict last t.csv --out p.xlsx",
        "error --out must end in .csv, .tsv, .parquet or .jsonl; got p.xlsx.",
        files=RUN | csv(TABLE),
    ),
    row(
        "predict last t.csv --out t.csv",
        "error t.csv is there already: nothing was written. Choose another name, or add --force.",
        files=RUN | csv(TABLE),
    ),
    row(
        "predict last t.csv --out no/p.csv",
        "error --out must be in a folder that is there; got no/p.csv. Make it: mkdir -p no.",
        files=RUN | csv(TABLE),
    ),
    row(
        "predict last photos --out masks.csv",
        "error --out must be a folder: the run predicts masks, a PNG for each image; got masks.csv.",
        files=MASKS_RUN,
    ),
    row(
        "predict last photos",
        "error --out must name a folder: the run predicts masks, a PNG for each image. Add --out masks.",
        files=MASKS_RUN,
    ),
    row("predict last t.csv --batch 0", "error --batch must be a number of samples, 1 or more; got 0."),
    row("predict last t.csv --decimal dot", "error --decimal must be point or comma; got dot."),
    row(
        "predict last t.csv --separator ';'",
        "error --separator must be auto, comma, semicolon, tab, pipe, space; got ;.",
    ),
    row("predict model.h5 t.csv", "error An HDF5 model (.h5) is not opened: it may hold code. ..."),
    row("evaluate last", "error There are no runs in ... dlrun trains one; ..."),
    row("evaluate last --part tests", "error --part must be test, validation, train or all; got tests."),
]
EVERY += PREDICT


def _rows(
    cell: Callable[[int], object], last: Callable[[int], object] = lambda i: i // 3 % 2
) -> dict[str, str | bytes]:
    return csv("a,b,y\n" + "".join(f"{i * 7 % 11},{cell(i)},{last(i)}\n" for i in range(60)))


_NFC, _NFD = "caf\u00e9", "cafe\u0301"
DATA_FILES = [
    row(
        "data=csv data.path=t.csv",
        "data.path must be UTF-8 text; got a NUL character. If it is UTF-16: iconv -f UTF-16LE -t UTF-8 t.csv > ..."
        " (t.csv:1)",
        files=csv(TABLE.encode("utf-16-le")),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must be UTF-8 text; got a NUL character. ... (t.csv:5)",
        files=csv(TABLE.replace("3,1.5", "3,1\0.5")),
    ),
    row(
        "check data=csv data.path=t.csv",
        "data.path must hold 131,072 characters or fewer in a cell; got more. Shorten the cell; ... (t.csv:3)",
        files=csv(TABLE.replace("1,0.5,yes", f"1,0.5,{'x' * 200_000}")),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must spell each class in one way in column 'y'; got ... They look the same ... NFC. (t.csv)",
        files=_rows(lambda i: i % 7, lambda i: (_NFC, _NFD)[i // 3 % 2]),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must spell each class in one way in column 'y'; got '01' and '1'. If both are the same number, ...",
        files=_rows(lambda i: i % 7, lambda i: ("1", "01", "2")[i % 3]),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must write its dates in one way in column 'b'; got '2020-01-01' and '02.01.2020'. Write all of them as"
        " 2024-01-31, or take them for words: 'data.kinds={b: category}' (t.csv)",
        files=_rows(lambda i: f"{i % 28 + 1:02}.01.2020" if i % 2 else f"2020-01-{i % 28 + 1:02}"),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must write its dates in one way in column 'b'; got '2020-01-01' and '0000-00-00'. If '0000-00-00' says"
        " that there is none: 'data.missing_words=[\"0000-00-00\"]'. ...",
        files=_rows(lambda i: f"2020-01-{i % 28 + 1:02}" if i % 9 != 3 else "0000-00-00"),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must hold numbers in column 'b'; got '1_000' in row 4 (6 such cells). Take the underscores out ... 1000."
        " (t.csv:5)",
        files=_rows(lambda i: "1_000" if i % 10 == 3 else i * 15),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must hold finite numbers, ... in column 'y'; got 1e400 in row 6. Correct the file, or choose another"
        " column with data.target. (t.csv:7)",
        files=_rows(lambda i: i % 7, lambda i: "1e400" if i == 5 else i * 1.37),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.path must name each column once; got kind more than once. Rename them. (t.csv:1)",
        files=csv(TABLE.replace("a,b,", "a,kind,")),
    ),
    row(
        "data=csv data.path=t.csv data.group=b split=grouped",
        "data.path must have a value in every row of column 'b'; got 9 empty cells, the first ('') in row 1. Leave out the"
        " rows with data.missing=drop_rows. (t.csv:2)",
        files=_rows(lambda i: "" if i % 7 == 0 else f"g{i % 5}"),
    ),
    row(
        "data=csv data.path=t.csv 'data.kinds={a: %d%d}'",
        "data.kinds must hold dates written as %d%d in column 'a', as data.kinds says; got '0'. ... (t.csv)",
        files=csv(TABLE),
    ),
    row(
        "data=csv data.path=t.csv",
        "data.kinds must say in column 'on (day)' which number is the day; got '01/01/2020'. Type"
        " 'data.kinds={on \\(day\\): \"%d/%m/%Y\"}' or ... (t.csv:2)",
        files=csv(
            "on (day),b,y\n"
            + "".join(f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020,{i % 7},{i // 3 % 2}\n" for i in range(60))
        ),
    ),
]
EVERY += DATA_FILES
