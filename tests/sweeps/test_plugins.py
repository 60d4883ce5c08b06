"""dlrun's plugins in somebody else's Hydra application.

Hydra's own suites (`hydra.test_utils.launcher_common_tests`) run tasks of such an application through a launcher, and
look at the configs and directories that Hydra makes for each. dlrun's launcher trains runs that were planned, in
processes that compose nothing, so it and the sweeper say that they are for dlrun's task only; the suites end there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra


@pytest.mark.usefixtures("hydra_restore_singletons")
@pytest.mark.parametrize("kind", ["launcher", "sweeper"])
def test_another_applications_task_is_refused_with_what_to_choose(
    kind: str, hydra_sweep_runner: Any, tmp_path: Path
) -> None:
    GlobalHydra.instance().clear()  # a command of dlrun's in this process leaves its own
    sweep = hydra_sweep_runner(
        calling_file=None,
        calling_module="hydra.test_utils.a_module",
        task_function=print,
        config_path="configs",
        config_name="compose.yaml",
        overrides=[f"hydra/{kind}=dlrun", "+a=0,1"],
        temp_dir=tmp_path,
    )
    with pytest.raises(TypeError, match=f"dlrun's own task; choose hydra/{kind}=basic"):
        sweep.__enter__()
