"""Which command installs an optional part of Davy."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra; Davy is on no package index, so it names the source folder."""
    return f"pip install '.[{extra}]' in Davy's source folder"
