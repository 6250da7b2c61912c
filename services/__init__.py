"""Use cases, one module per noun: each loads, checks, changes, commits once and rings the bell."""
