"""A working directory to fill with synthetic runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.synthetic import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty working directory."""
    return Project(tmp_path)
