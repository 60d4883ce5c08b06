"""Two runs side by side: what they differ in, by how much, and how sure that is."""
