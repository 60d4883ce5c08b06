"""Which classes Hydra's own node may name: what is installed as a plugin, or what a trusted file declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from dlrun.config.roots import Roots
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import Problem

__all__ = ["untrusted_targets"]

_TARGET = "_target_"


def untrusted_targets(hydra: DictConfig, roots: Roots) -> list[Problem]:
    """A problem for every target in Hydra's node that is neither a plugin's nor declared in a trusted file.

    Hydra instantiates `hydra.launcher`, `hydra.sweeper` and `hydra.callbacks` from the composed config, before any
    function of ours is called, so this is looked at first.
    """
    found = dict(_targets(OmegaConf.to_container(hydra, resolve=False), "hydra"))
    if not found:
        return []
    allowed = {*Plugins.instance().class_name_to_class, *_declared(roots)}
    mend = "Name one of Hydra's plugins, or declare the class in your project's conf/hydra/."
    rule = "must be an installed Hydra plugin or a class that a trusted option file declares"
    return [Problem(key, rule, got=target, mend=mend) for key, target in found.items() if target not in allowed]


def _targets(node: Any, path: str) -> Iterator[tuple[str, str]]:
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if key == _TARGET:
            yield f"{path}.{key}", str(value)
        else:
            yield from _targets(value, f"{path}.{key}")


def _declared(roots: Roots) -> Iterator[str]:
    folders = [] if roots.project is None else [roots.project / "conf"]
    for folder in folders:
        for file in (folder / "project.yaml", *folder.glob("hydra/**/*.yaml")):
            if file.is_file():
                yield from (target for _, target in _targets(read_yaml(file).values, ""))
