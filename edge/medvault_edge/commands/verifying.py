"""Checking the center's word, offline."""

from pathlib import Path
from typing import Annotated, Any

import typer

from medvault_edge import telling
from medvault_edge.commands.shared import Json, state_of
from medvault_edge.errors import NotVerified
from medvault_edge.manifests import verify_manifest
from medvault_edge.outputs import verify_output
from medvault_edge.proofs import verify_proof
from medvault_edge.receipts import verify
from medvault_edge.signing import keys_in
from medvault_edge.statements import is_statement, verify_statement


def verify_command(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            help="Receipts and other signed words (.jws), proofs (.json), outputs (.zip), folders of media, manifests"
            " (.jsonl).",
        ),
    ],
    keys: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The center's keys, from /.well-known/medvault-jwks.json."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check receipts, proofs and outputs with the center's keys, offline."""
    jwks = keys_in(keys.read_text("utf-8", "replace")) if keys else state_of(context).device().jwks
    table = telling.table("Receipts", "File", "Kind", "Signed by", "Facility", "Images:", "Stored:")
    told = []
    for path in files:
        try:
            row, content = _verified(path, jwks)
        except NotVerified as error:
            raise NotVerified(f"{path.name}: {error}") from error
        table.add_row(path.name, *row)
        told.append({"file": str(path), **content})
    telling.told(told, as_json=as_json, table=table, sentence="Every signature is good.")


def _verified(path: Path, jwks: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What a file says, checked: a row for people, and the same for programs. Raises NotVerified."""
    if path.is_dir() or path.suffix.lower() in {".zip", ".jsonl"}:
        is_manifest = path.suffix.lower() == ".jsonl" and not path.is_dir()
        found = verify_manifest(path, jwks) if is_manifest else verify_output(path, jwks)
        kind = "manifest" if is_manifest else "output"
        return (kind, "the center", found.facility, f"{found.count:,}", ""), {
            "kind": kind, "signer": "center", "facility": found.facility, "order": found.order, "files": found.count,
        }  # fmt: skip
    if path.suffix.lower() == ".json":
        proved = verify_proof(path.read_text("utf-8", "replace"), jwks)
        return (proved.kind, "the center", proved.facility, f"{proved.files or ''}", ""), {
            "kind": proved.kind, "signer": "center", "facility": proved.facility, "until": proved.until,
            "files": proved.files, "since": proved.since,
        }  # fmt: skip
    token = path.read_text("ascii", "replace").strip()
    if is_statement(token):
        statement = verify_statement(token, jwks)
        return (statement.kind, "the center", statement.facility, "", ""), {
            "kind": statement.kind, "signer": "center", "facility": statement.facility, "claims": statement.claims,
        }  # fmt: skip
    receipt = verify(token, jwks)
    stored = len(receipt.stored())
    signer = "the center" if receipt.signer == "center" else f"collector {receipt.signer[:8]}"
    return (receipt.kind, signer, receipt.facility, f"{receipt.count:,}", f"{stored:,}"), {
        "kind": receipt.kind, "signer": receipt.signer, "facility": receipt.facility, "collection": receipt.collection,
        "files": receipt.count, "stored": stored,
    }  # fmt: skip
