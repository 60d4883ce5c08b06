"""What is looked at in a model between its epochs: a class a file, free to be copied out; each shows the shape."""
