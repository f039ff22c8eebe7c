"""One script per claim about performance; each prints its ratio against its peer, measured in the same run.

`python -m bench` runs all but `lists`, `python -m bench NAME ...` those named, `python -m bench.NAME` one alone. CPU
seconds are user + system of the server's whole process tree. Other work on the machine inflates both sides, so the
best of several interleaved rounds is compared with the best, and a ratio says more than a figure.
"""
