"""Accounts, keys and policies: who calls, who may do what, and the record of it."""
