"""Where a program finds its certificate; the environment variable DAVY_TLS_<NAME> sets each value."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from davy.identity.credentials import CredentialFiles

MinVersion = Literal["1.2", "1.3"]


class TlsSettings(BaseSettings, env_prefix="DAVY_TLS_", frozen=True):
    """The identity of a program on every wire. Without a folder and files, wires are not encrypted by Davy."""

    folder: Path | None = Field(
        None,
        description="Folder of cert.pem, key.pem, ca.pem and crl.pem, as davy identity writes it; read again when it changes.",
    )
    cert: Path | None = Field(None, description="Certificate in PEM, chain included; cert.pem in the folder if absent.")
    key: Path | None = Field(None, description="Private key in PEM; key.pem in the folder if absent.")
    ca: Path | None = Field(None, description="Certificates of the trusted authorities in PEM; ca.pem in the folder if absent.")
    crl: Path | None = Field(None, description="Revoked certificates in PEM; crl.pem in the folder if absent.")
    min_version: MinVersion = Field("1.2", description="Lowest TLS version of HTTP, MQTT and Redis; gRPC takes 1.2 and 1.3.")
    require_client_certificate: bool = Field(
        True, description="Refuse callers of gRPC without a certificate. HTTP asks for one and takes browsers without."
    )
    renew_url: str = Field(
        "",
        pattern=r"^(https://.+)?$",
        description="Aggregator that renews this identity under a third of its life: https://host:8080. Empty: no renewal.",
    )

    @model_validator(mode="after")
    def _complete(self) -> "TlsSettings":
        given = [name for name in ("cert", "key", "ca") if getattr(self, name) is not None]
        if self.folder is None and len(given) not in (0, 3):
            raise ValueError(f"{', '.join(given)} alone is no identity: set folder, or cert, key and ca")
        if self.folder is None and not given and (self.crl is not None or self.renew_url):
            raise ValueError("crl and renew_url need an identity: set folder, or cert, key and ca")
        return self

    def files(self) -> CredentialFiles | None:
        """The files of the identity, or None where none is set."""
        if self.folder is None:
            return CredentialFiles(self.cert, self.key, self.ca, self.crl) if self.cert and self.key and self.ca else None
        own = CredentialFiles.in_folder(self.folder)
        return CredentialFiles(self.cert or own.cert, self.key or own.key, self.ca or own.ca, self.crl or own.crl)
