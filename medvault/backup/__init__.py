"""Backup and restore: database, packs, documents and keys, into a folder and back (docs/operations.md)."""

BACKED_UP = "backup.made"
"""The action that the audit log has of it."""
