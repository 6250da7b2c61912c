"""Benchmarks: each module starts real servers, measures one thing and prints its figures."""
