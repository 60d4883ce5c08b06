"""Which store a project uses, for the verbs that train nothing and compose no config."""

from __future__ import annotations

from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.yamlfile import read_yaml
from dlrun.tracking.secret import Secrets

__all__ = ["project_node", "project_secrets"]


def project_node(roots: Roots) -> dict[str, Any]:
    """The `tracking` keys that the project's `conf/project.yaml` sets, interpolations resolved.

    Raises:
        ConfigError: the file is wrong.
    """
    path = roots.find("", "project")
    values = {} if path is None else read_yaml(path).values
    node = dict(values.get("tracking") or {})
    if any("${" in str(value) for value in node.values()):
        from omegaconf import OmegaConf

        node = {key: OmegaConf.create(values).tracking[key] for key in node}
    chosen = [entry for entry in values.get("defaults") or [] if isinstance(entry, dict)]
    for entry in chosen:
        if "override /tracking" in entry:
            node["option"] = str(entry["override /tracking"])
    return node


def project_secrets(roots: Roots) -> Secrets:
    """The environment variables that those keys read.

    Raises:
        ConfigError: the file is wrong.
    """
    path = roots.find("", "project")
    node = dict(({} if path is None else read_yaml(path).values).get("tracking") or {})
    if not any("${" in str(value) for value in node.values()):
        return Secrets({})
    from dlrun.config.secrets import values_in

    return Secrets(values_in(node))
