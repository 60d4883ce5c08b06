"""Trials: expansion, ledger, progress, and the plugins behind Hydra's sweeper and launcher."""
