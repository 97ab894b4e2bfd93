"""`causeline version`."""


def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed_version  # noqa: PLC0415 - it loads a parser of mails, which no help needs

    print(installed_version("causeline"))
