"""Files with weights: catalog, fetch and verify, safe reading."""
