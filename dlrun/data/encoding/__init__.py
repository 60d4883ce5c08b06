"""What is measured on the training part of a dataset and stands in front of a network: fill, scale, encode."""
