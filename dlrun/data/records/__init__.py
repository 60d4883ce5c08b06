"""TFRecord files: records of named numbers, texts and images, as TensorFlow writes them."""
