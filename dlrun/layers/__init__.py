"""Layers that Keras has not; each file needs nothing but Keras."""
