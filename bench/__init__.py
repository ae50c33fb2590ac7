"""Benches: correctness under faults, and measurements."""
