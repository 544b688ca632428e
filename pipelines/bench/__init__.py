"""Measurements that anyone can run on their machine: `videoinv bench`."""
