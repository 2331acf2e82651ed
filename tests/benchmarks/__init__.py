"""Benchmarks: ratios against a peer, or against what the machine gives, in the same run. Never asserted."""
