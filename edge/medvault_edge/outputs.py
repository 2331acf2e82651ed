"""Outputs: what the center gave out, checked offline against the statement it signed: ZIP files of images, media."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from medvault_edge.errors import NotVerified
from medvault_edge.signing import CENTER, opened

TYP, STATEMENT, DIGESTS = "medvault-output+jwt", "STATEMENT.jws", "DIGESTS.txt"
STATEMENT_OF_MEDIUM, DIGESTS_OF_MEDIUM = "STATEMNT.JWS", "DIGESTS.TXT"
IMAGES_OF_MEDIUM = ("DICOM/", "OTHER/")
PIECE = 1 << 20

Open = Callable[[str], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Output:
    """An output every file of which is what the center said."""

    order: str
    facility: str
    count: int


def verify_output(path: Path, jwks: dict[str, Any]) -> Output:
    """Read the whole of a ZIP or of a medium's folder and compare it with its statement. Raises NotVerified.

    What a medium has beside its images, which the statement is about, is compared with its list of digests.
    """
    try:
        with _files(path) as (names, open_file):
            is_medium = STATEMENT_OF_MEDIUM in names
            statement, listed = (STATEMENT_OF_MEDIUM, DIGESTS_OF_MEDIUM) if is_medium else (STATEMENT, DIGESTS)
            claims, signer = opened(_content(open_file, statement).decode("ascii"), jwks, typ=TYP)
            told = {str(each["name"]): str(each["sha256"]) for each in claims["files"]}
            digests = _digests(_content(open_file, listed).decode())
            about = {name: digests[name] for name in digests if not is_medium or name.startswith(IMAGES_OF_MEDIUM)}
            if signer != CENTER or sorted(names) != sorted([*digests, statement, listed]) or about != told:
                raise NotVerified("The output does not hold what its statement says")
            for name, digest in digests.items():
                if _digest(open_file, name) != digest:
                    raise NotVerified(f"{name} is not what the statement says")
    except (BadZipFile, UnicodeDecodeError, KeyError, TypeError, OSError) as error:
        raise NotVerified("This is no output, or it is damaged") from error
    return Output(str(claims["order"]), str(claims["facility"]), len(told))


@contextmanager
def _files(path: Path) -> Iterator[tuple[Sequence[str], Open]]:
    """The names of all files of a ZIP or a folder, and how one is opened."""
    if path.is_dir():
        found = (each for each in path.rglob("*") if each.is_file())
        yield [each.relative_to(path).as_posix() for each in found], lambda name: (path / name).open("rb")
        return
    with ZipFile(path) as archive:
        yield archive.namelist(), archive.open


def _digests(text: str) -> dict[str, str]:
    lines = (line.partition("  ") for line in text.splitlines())
    return {name: digest for digest, _, name in lines}


def _content(open_file: Open, name: str) -> bytes:
    with open_file(name) as file:
        return file.read()


def _digest(open_file: Open, name: str) -> str:
    digest = sha256()
    with open_file(name) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
