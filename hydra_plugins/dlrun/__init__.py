"""dlrun's launcher and sweeper, where Hydra looks for them. Hydra imports this at every start: keep it light."""
