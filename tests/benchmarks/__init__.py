"""Measurements against plain Keras, plain Hydra and MLflow's own logging: `make bench`.

They print what they found and assert nothing about time. Every side runs in processes of its own with the same number
of threads; the sides take turns, so that a machine that slows down slows down all of them; medians are compared.
"""
