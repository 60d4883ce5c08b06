"""Engines, run directories and results; knows no tracker."""
