"""What training minimises; metrics measure with the same code."""
