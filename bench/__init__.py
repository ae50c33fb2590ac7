"""Proof and measurement: what the product does when everything around it misbehaves."""
