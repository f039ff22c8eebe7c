"""The AWS rest-json wire, compiled from the service model: routes, parsing, checks, answers, signatures.

Nothing of the contract is typed by hand: paths, members, limits, patterns and status codes are botocore's.
"""
