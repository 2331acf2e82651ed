"""Manifests: which files the center gives out or has delivered, one to a line, below its signed word on them.

JSON lines; the first is `{"statement": JWS}`, which names the SHA-256 of all that follows it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from medvault_edge.errors import NotVerified
from medvault_edge.signing import CENTER, opened

TYP = "medvault-manifest+jwt"
LONGEST_STATEMENT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose signature and digest were checked."""

    path: Path
    statement: str
    claims: dict[str, Any]

    @property
    def order(self) -> str:
        return str(self.claims["order"])

    @property
    def facility(self) -> str:
        return str(self.claims["facility"])

    @property
    def count(self) -> int:
        return int(self.claims["files"])

    @property
    def length(self) -> int:
        return int(self.claims["bytes"])

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every file it tells of."""
        with self.path.open("rb") as file:
            file.readline()
            for line in file:
                yield json.loads(line)


def verify_manifest(path: Path, jwks: dict[str, Any]) -> Manifest:
    """The manifest, if the center signed it and it is whole. Raises NotVerified."""
    try:
        with path.open("rb") as file:
            statement = str(json.loads(file.readline(LONGEST_STATEMENT))["statement"])
            claims, signer = opened(statement, jwks, typ=TYP)
            digest = file_digest(file, "sha256").hexdigest()
        found = Manifest(path, statement, claims)
        _ = found.order, found.facility, found.count, found.length
    except (KeyError, TypeError, ValueError) as error:
        raise NotVerified("This is no manifest, or it is damaged") from error
    if signer != CENTER or digest != claims["sha256"]:
        raise NotVerified("The manifest is not what the center signed")
    return found
