"""The rules: dataclasses and pure functions. Imports nothing of ours but `errors`."""
