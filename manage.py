#!/usr/bin/env python
"""Command line of MedVault."""

import os
import sys

from medvault.command_line import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
    run(sys.argv)
