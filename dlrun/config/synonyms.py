"""What people type for a thing that has another name here: words of other libraries, of papers and of speech.

Spelling needs no entry: case, hyphens, underscores and one or two wrong letters are forgiven in `suggest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

__all__ = ["NEEDLESS", "synonyms"]

# name here: the words that are typed for it. A word may stand at several names: the first that there is counts.
_WORDS = {
    # keys
    "learning_rate": "lr eta step_size rate",
    "batch_size": "batch bs minibatch mini_batch",
    "epochs": "epoch n_epochs nb_epoch num_epochs max_epochs iterations",
    "seed": "random_state random_seed rng",
    "dropout": "drop drop_rate dropout_rate p_drop",
    "rate": "p dropout drop_rate",
    "batch_norm": "bn batch_normalization use_bn",
    "hidden": "hidden_units units hidden_size hidden_layers layer_sizes neurons layers widths",
    "units": "n_units neurons size out_features hidden",
    "filters": "channels out_channels features",
    "kernel_size": "kernel ksize filter_size",
    "strides": "stride",
    "weight_decay": "wd decay",
    "beta_1": "beta1 betas",
    "beta_2": "beta2 betas",
    "epsilon": "eps",
    "rho": "decay discounting_factor",
    "clipnorm": "max_grad_norm grad_clip clip_norm clip max_norm",
    "global_clipnorm": "gradient_clip_val clip_grad_norm grad_norm",
    "clipvalue": "clip_value clip_grad_value",
    "validation": "val validation_split val_split val_size validation_fraction",
    "test": "test_split test_size test_fraction",
    "folds": "n_splits k_folds n_folds k cv",
    "fold": "fold_index",
    "monitor": "metric_to_watch watch quantity",
    "target": "label labels y output outcome response target_column label_column",
    "path": "file filename csv filepath csv_path data_path",
    "separator": "sep delimiter delim",
    "features": "columns inputs x feature_columns",
    "drop": "ignore exclude drop_columns",
    "uri": "tracking_uri mlflow_uri server",
    "experiment": "experiment_name exp project",
    "name": "run_name",
    "tags": "tag labels",
    "warmup_epochs": "warmup warm_up warmup_steps",
    "end_learning_rate": "min_lr final_lr eta_min",
    "min_lr": "min_learning_rate eta_min",
    "factor": "l1 l2 lambda alpha strength",
    "l1": "lambda1",
    "l2": "lambda lambda2 weight_decay",
    "negative_slope": "alpha slope",
    "min_delta": "tolerance tol delta",
    "samples": "n_samples num_samples size n",
    # groups
    "optimizer": "opt optim optimiser",
    "activation": "act nonlinearity activation_function",
    "initializer": "init weight_init initialization kernel_initializer initialiser",
    "regularizer": "reg regularization regulariser kernel_regularizer penalty",
    "schedule": "scheduler lr_scheduler lr_schedule learning_rate_schedule decay",
    "data": "dataset ds",
    "model": "net network architecture arch",
    "metric": "metrics score scoring",
    "loss": "criterion objective cost",
    "callback": "callbacks hooks",
    "preprocess": "preprocessing scaler normalization standardize",
    "tracking": "logger logging mlflow tracker",
    "trainer": "training train fit",
    "split": "cv holdout validation",
    # options
    "silu": "swish",
    "hard_silu": "hard_swish hswish",
    "leaky_relu": "lrelu leaky",
    "sigmoid": "logistic sigm",
    "linear": "identity none null logistic_regression softmax_regression linear_regression",
    "tanh": "tanhyp hyperbolic_tangent",
    "glorot_uniform": "xavier xavier_uniform glorot",
    "glorot_normal": "xavier_normal",
    "he_normal": "he kaiming kaiming_normal msra he_init",
    "he_uniform": "kaiming_uniform",
    "lecun_normal": "lecun",
    "random_normal": "normal gaussian",
    "random_uniform": "uniform",
    "zeros": "zero",
    "ones": "one",
    "mean_squared_error": "mse l2 l2_loss squared_error",
    "mean_absolute_error": "mae l1 l1_loss absolute_error",
    "root_mean_squared_error": "rmse",
    "r2": "r2_score r_squared determination",
    "sparse_categorical_crossentropy": "cross_entropy crossentropy ce xent nll nll_loss log_loss logloss"
    " categorical_crossentropy cross_entropy_loss softmax_crossentropy",
    "binary_crossentropy": "bce bce_with_logits log_loss logloss",
    "huber": "smooth_l1",
    "accuracy": "acc sparse_categorical_accuracy categorical_accuracy binary_accuracy",
    "auc": "roc_auc auroc roc",
    "f1": "f1_score fscore f_score",
    "precision": "prec ppv",
    "recall": "sensitivity tpr",
    "top_k": "top5 top_5 top_k_accuracy topk",
    "early_stopping": "early_stop es stop_early",
    "checkpoint": "model_checkpoint ckpt",
    "reduce_lr_on_plateau": "plateau reduce_lr reduce_on_plateau",
    "sgd": "momentum nesterov gradient_descent gd momentum_sgd",
    "adamw": "adam_w adam_weight_decay",
    "adam": "amsgrad",
    "cosine": "cosine_decay cosine_annealing cosine_annealing_lr",
    "cosine_restarts": "cosine_annealing_warm_restarts warm_restarts sgdr",
    "step": "step_lr step_decay multistep multi_step piecewise",
    "exponential": "exp exponential_decay exponential_lr",
    "polynomial": "poly polynomial_decay linear",
    "constant": "fixed none",
    "holdout": "train_test_split random",
    "kfold": "k_fold cross_validation",
    "cnn": "convnet conv lenet convolutional",
    "mlp": "dense fc fnn feedforward nn dnn ann sequential",
    "digits": "mnist",
    "breast_cancer": "cancer wdbc",
    "diabetes": "boston california housing",
    "csv": "file table tsv pandas",
    "none": "null off no false",
    "full": "all whole none",
    "gpu": "cuda cuda:0 gpu:0",
    "multiclass": "classification categorical classes",
    "comma": ",",
    "semicolon": ";",
    "tab": "\\t",
    "pipe": "|",
    "drop_rows": "drop dropna",
    # layers
    "dense": "linear fc fully_connected",
    "batch_normalization": "bn batch_norm batchnorm2d batchnorm1d",
    "layer_normalization": "ln layer_norm",
    "conv2d": "conv convolution convolution2d",
    "max_pooling2d": "maxpool max_pool maxpool2d",
    "average_pooling2d": "avgpool avg_pool avgpool2d",
    "global_average_pooling2d": "gap global_avg_pool adaptive_avg_pool2d",
    "multi_head_attention": "attention self_attention mha",
    # verbs
    "train": "run fit start launch",
    "ls": "list options groups",
    "show": "info describe explain",
    "runs": "history log status",
    "compare": "leaderboard rank results best",
    "doctor": "diagnose env environment",
    "ui": "dashboard mlflow",
    "config": "cfg print",
    "check": "validate lint preflight verify",
}


NEEDLESS = {
    "from_logits": "Models end in probabilities here, and losses take them: there is nothing to set.",
    "shuffle": "The training rows are shuffled anew every epoch, by seed.",
    "verbose": "-q prints only the outcome.",
    "input_shape": "The data gives it.",
    "input_dim": "The data gives it.",
    "num_classes": "The data gives it.",
    "n_classes": "The data gives it.",
    "train": "Training gets the rows that test and validation leave.",
    "precision": "Weights and sums are float32.",
    "mixed_precision": "Weights and sums are float32.",
    "num_workers": "Data is held in memory: no process loads it.",
    "n_jobs": "Runs are trained one after another.",
    "steps_per_epoch": "It is the training rows by trainer.batch_size.",
    "jit_compile": "It is off: on a CPU it is slower.",
}
"""Keys of other tools that have no place here, and why."""


@cache
def synonyms() -> Mapping[str, tuple[str, ...]]:
    """Typed word to the names it may stand for, likeliest first."""
    found: dict[str, tuple[str, ...]] = {}
    for name, words in _WORDS.items():
        for word in words.split():
            found[word] = (*found.get(word, ()), name)
    return found
