"""Somebody's own file or folder: what it holds, and the config to begin with."""
