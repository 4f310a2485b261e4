"""The base of settings whose secrets may stand in files."""

import os
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from davy.domain.secret_files import read_secret
from davy.domain.secret_url import SecretUrl


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting is of a type that hides its value."""
    return field.annotation in (SecretUrl, SecretStr)


class SecretSettings(BaseSettings, hide_input_in_errors=True):
    """Settings that also read `<VARIABLE>_FILE`, and systemd's credentials, for every secret."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put files behind arguments and variables."""
        return init_settings, env_settings, dotenv_settings, file_secret_settings, _Files(settings_cls)


class _Files(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return a secret's text, or None."""
        variable = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        return (read_secret(variable, os.environ) or None) if is_secret(field) else None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the secrets of files, by setting."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}
