"""From a spec to a keras.Model: the layer grammar, heads and seeds."""
