"""The cache of previews: pictures of instances, which go when the instances go."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages

from apps.catalog.models import Instance


def preview_cache() -> FileSystemStorage:
    """Where previews lie: local to the web host, made again where they are not."""
    return cast(FileSystemStorage, storages["previews"])


def preview_name(instance: Instance, look: str) -> str:
    """The name of one preview; `look` tells an instance's previews apart."""
    return f"{_stem(instance.facility_id, instance.pk)}-{look}.jpg"


def kept_preview(instance: Instance, look: str, render: Callable[[], bytes]) -> bytes:
    """The preview as it was kept, or as `render` makes it now."""
    cache, name = preview_cache(), preview_name(instance, look)
    try:
        return Path(cache.path(name)).read_bytes()
    except FileNotFoundError:
        content = render()
    # Whole or not at all: others read at any moment, and browsers keep for good what they get.
    part = cache.save(f"{name}.part", ContentFile(content))
    Path(cache.path(part)).replace(cache.path(name))
    return content


def forget_previews(facility_id: int, instance_ids: Iterable[int]) -> None:
    """Delete the previews of instances that are gone."""
    for key in instance_ids:
        stem = Path(preview_cache().path(_stem(facility_id, key)))
        for found in stem.parent.glob(f"{stem.name}-*"):
            found.unlink(missing_ok=True)


def _stem(facility_id: int, key: int) -> str:
    return f"{facility_id}/{key % 1000:03d}/{key}"
