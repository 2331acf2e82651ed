"""The program of a facility's storage terminal and of an operator's collector."""

VERSION = "0.1.0"
SOFTWARE = f"medvault-edge {VERSION}"
