"""Sampling: training rows drawn anew, so that rare classes are seen as often as others."""
