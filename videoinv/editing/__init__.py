"""Edits of a latent: directions, their discovery, and the feature delta of Eq. (1)."""
