"""Strandkeep: a sequence store that anyone can run, speaking the storage API of AWS HealthOmics."""

__version__ = "0.1.0"
