"""Models of published systems: the parts in a checkpoint, and what is built from them."""
