"""Texts: a file each, in a folder for each class."""
