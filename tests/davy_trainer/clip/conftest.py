from tests.imaging.clip.conftest import davy_clip

__all__ = ["davy_clip"]
