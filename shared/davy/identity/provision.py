"""Make an authority and identities where they are missing, and replace those near their end."""

from collections.abc import Sequence
from pathlib import Path

from davy.domain.errors import ConfigError
from davy.identity.authority import CA_KEY, LEAF_DAYS, Authority
from davy.identity.credentials import CredentialFiles, Credentials, renewal_due, write_credentials
from davy.identity.name import Identity


def ensure_authority(folder: Path, site: str) -> Authority:
    """Return the authority of a folder, made if the folder holds none.

    Raises:
        ConfigError: It is the authority of another site, or cannot be opened.
    """
    found = Authority.open(folder) if (folder / CA_KEY).is_file() else Authority.create(folder, site)
    if found.site != site:
        raise ConfigError(f"{folder} is the authority of site {found.site}, not of {site}: choose another folder")
    return found


def ensure_identity(
    authority: Authority, folder: Path, name: str, hosts: Sequence[str] = (), days: float = LEAF_DAYS
) -> Credentials | None:
    """Write an identity into a folder that has none, or one with less than a third of its life left.

    Args:
        authority: Signs it.
        folder: Of cert.pem, key.pem, ca.pem and crl.pem.
        name: KIND/NAME.
        hosts: DNS names and IP addresses of a server.
        days: Validity of a new certificate.

    Returns:
        The new credentials; None if the folder's own stay.

    Raises:
        ConfigError: The files in the folder are damaged.
        InvalidIdentityError: The name is malformed.
    """
    files = CredentialFiles.in_folder(folder)
    if files.cert.is_file() and not renewal_due(files.read().certificate):
        return None
    made = authority.issue(Identity.parse(f"davy://{authority.site}/{name}"), hosts, days)
    write_credentials(folder, made)
    return made
