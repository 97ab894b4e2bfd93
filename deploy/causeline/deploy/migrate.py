"""`causeline migrate`."""

from causeline.deploy.store import run

__all__ = ["run"]
