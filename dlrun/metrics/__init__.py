"""Metrics of dlrun's own: one small Keras class a file, free to be copied out."""
