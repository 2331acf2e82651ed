"""Outputs: ZIP files of images that the center gave out, checked offline against the statement it signed for them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from medvault_edge.errors import NotVerified
from medvault_edge.signing import CENTER, opened

TYP, STATEMENT, DIGESTS = "medvault-output+jwt", "STATEMENT.jws", "DIGESTS.txt"
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Output:
    """An output every file of which is what the center said."""

    order: str
    facility: str
    count: int


def verify_output(path: Path, jwks: dict[str, Any]) -> Output:
    """Read the whole file and compare it with its statement. Raises NotVerified."""
    try:
        with ZipFile(path) as archive:
            claims, signer = opened(archive.read(STATEMENT).decode("ascii"), jwks, typ=TYP)
            told = {str(each["name"]): str(each["sha256"]) for each in claims["files"]}
            if signer != CENTER or sorted(archive.namelist()) != sorted([*told, STATEMENT, DIGESTS]):
                raise NotVerified("The output does not hold what its statement says")
            for name, digest in told.items():
                if _digest(archive, name) != digest:
                    raise NotVerified(f"{name} is not what the statement says")
            if archive.read(DIGESTS).decode() != "".join(f"{digest}  {name}\n" for name, digest in told.items()):
                raise NotVerified("The list of digests is not that of the statement")
    except (BadZipFile, UnicodeDecodeError, KeyError, TypeError) as error:
        raise NotVerified("This is no output, or it is damaged") from error
    return Output(str(claims["order"]), str(claims["facility"]), len(told))


def _digest(archive: ZipFile, name: str) -> str:
    digest = sha256()
    with archive.open(name) as member:
        while piece := member.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
