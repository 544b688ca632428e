"""Image measures used by evaluation."""
