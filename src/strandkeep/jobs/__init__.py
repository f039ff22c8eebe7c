"""Durable work: rows of jobs are the truth, the engine only runs them."""
