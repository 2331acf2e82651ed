"""How long values are, and how identifiers compare."""

UID_LENGTH = 64
TEXT = 256
NAME = 3 * TEXT + 2  # a PN value with its three component groups
SHORT = 16
# Identifiers compare byte by byte: what has a prefix is then a range, which an index finds under row-level security.
BYTEWISE = "C"
PART = 32
