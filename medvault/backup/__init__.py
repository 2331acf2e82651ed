"""Backup and restore: database, packs, documents and keys, into a folder and back (docs/operations.md)."""
