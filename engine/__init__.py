"""The brain: it alone starts and ends jobs; plain threads, one leader, no state of its own."""
