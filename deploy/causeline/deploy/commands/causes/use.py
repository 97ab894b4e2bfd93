"""`causeline causes use`: a file is looked at, and taken into use by a setting, which an operator makes."""

from pathlib import Path

from causeline.deploy.commands.refusing import refuse
from causeline.deploy.exit_codes import USAGE
from causeline.query_api.causes.model import read_model


def print_setting(file: Path) -> int:
    """Print the setting that takes a file into use; return the exit code. Ends the command where the file holds no weights."""
    path = file.absolute()
    try:
        model = read_model(path.read_bytes())
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}", USAGE)
    except ValueError as error:
        refuse(f"{file}: {error}", USAGE)
    print(f"weights of version {model.version}; every server ranks by them once it is started with")
    print(f"CAUSELINE_CAUSES_MODEL={path}")
    return 0
