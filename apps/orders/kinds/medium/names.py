"""Files at the root of a medium, and of the output that holds the media."""

README, INDEX, DICOMDIR = "README.TXT", "INDEX.HTM", "DICOMDIR"
DIGESTS, STATEMENT = "DIGESTS.TXT", "STATEMNT.JWS"
CONTAINER = "IMAGES.ZIP"
"""What is in it needs a password."""
LABELS = "LABELS.pdf"
