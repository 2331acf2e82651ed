"""What a sender announces: the manifest within a sealed collection."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.catalog.models import Purpose
from apps.collection.models import Left
from apps.core.errors import DomainError

MANIFEST = "manifest.json"
LONGEST_MANIFEST = 32 * 1024 * 1024
MOST_FILES = 20_000
MOST_LEFT = 100_000

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Length = Annotated[int, Field(ge=0, le=2**62)]
Source = Annotated[str, Field(max_length=1000)]


class BadManifest(DomainError):
    """A sealed collection's manifest is missing, malformed, or another's."""

    code = "bad_manifest"


class Brought(BaseModel):
    """A file that the sealed collection holds under `name`.

    `keep_until`, `keep_for` (ISO 8601, from the exam) and `purposes` are what the facility recorded beside the image.
    """

    model_config = ConfigDict(frozen=True)
    name: Annotated[str, Field(max_length=100)]
    source: Source
    sha256: Sha256
    length: Length
    keep_until: date | None = None
    keep_for: (
        Annotated[
            str, Field(pattern=r"^P(\d{1,3}Y(\d{1,4}M)?(\d{1,5}D)?|\d{1,4}M(\d{1,5}D)?|\d{1,5}D)$", max_length=16)
        ]
        | None
    ) = None
    purposes: Annotated[list[Purpose], Field(max_length=len(Purpose))] = []


class Stayed(BaseModel):
    """A file that stayed at the facility."""

    model_config = ConfigDict(frozen=True)
    source: Source
    reason: Left
    sha256: Sha256 | None = None
    length: Length = 0


class Announcement(BaseModel):
    """The manifest as the sender wrote it (docs/api.md, sealed collections)."""

    model_config = ConfigDict(frozen=True)
    version: Literal[1]
    collection: UUID
    facility: Annotated[str, Field(max_length=50)]
    terminal: UUID | None = None
    method: Literal["visit", "push", "media"]
    operator: Annotated[str, Field(max_length=150)] = ""
    medium_serial: Annotated[str, Field(max_length=100)] = ""
    collected_at: datetime
    software: Annotated[str, Field(max_length=100)] = ""
    files: Annotated[list[Brought], Field(max_length=MOST_FILES)]
    left: Annotated[list[Stayed], Field(max_length=MOST_LEFT)] = []


def read_announcement(content: bytes, *, facility_slug: str, collection_uid: UUID) -> Announcement:
    """The manifest of the collection that the upload was announced as. Raises BadManifest."""
    try:
        announced = Announcement.model_validate_json(content)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise BadManifest(f"The manifest is malformed at {where or 'its beginning'}") from None
    if announced.facility != facility_slug:
        raise BadManifest("The manifest is of another facility")
    if announced.collection != collection_uid:
        raise BadManifest("The manifest is of another collection")
    if len({file.name for file in announced.files}) < len(announced.files):
        raise BadManifest("The manifest names a file twice")
    if len({file.source for file in announced.files}) < len(announced.files):
        raise BadManifest("The manifest names a source twice")
    return announced
