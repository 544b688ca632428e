"""Training of the encoders: data, recipes, the loop."""
