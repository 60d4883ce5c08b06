"""What is wrong with a training, in plain words, read from its curves and probes."""
