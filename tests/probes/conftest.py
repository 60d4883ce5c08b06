"""TensorFlow as a run sets it up."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.config.catalog import Catalog


@pytest.fixture(scope="session")
def tensorflow(catalog: Catalog) -> Any:
    """TensorFlow, set up once."""
    from dlrun.training import process

    process.configure({**catalog.get("trainer", "default").defaults, "device": "cpu"})
    import tensorflow

    return tensorflow
