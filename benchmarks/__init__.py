"""Figures: how fast, how large, beside a peer or a limit; `python -m benchmarks` writes them as one table."""
