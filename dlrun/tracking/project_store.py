"""Which store a project uses, for the verbs that train nothing and compose no config."""

from __future__ import annotations

from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.yamlfile import read_yaml

__all__ = ["project_node"]


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
    if any(entry.get("override /tracking") == "none" for entry in chosen):
        node["option"] = "none"
    return node
