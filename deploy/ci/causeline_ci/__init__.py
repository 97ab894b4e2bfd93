"""The client by which CI jobs send events to Causeline: spools first, never slows a job, never fails a build.

Standard library only, Python 3.9 and newer. `docs/ci-client.md` says what who calls it may rely on.
"""

__version__ = "0.1.0"
