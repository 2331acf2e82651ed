"""Media that are brought to the center: folders, ZIP archives, DICOMDIR."""
