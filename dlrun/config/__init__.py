"""Compose, resolve, check and freeze configs; imports no TensorFlow, Keras or MLflow."""
