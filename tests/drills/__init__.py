"""Drills: what docs/operations.md says of an installation of many hosts, shown on one machine."""
