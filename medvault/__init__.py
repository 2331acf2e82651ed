"""Composition root: settings, addresses, processes. No app imports it."""

import os

from medvault.celery import app as celery_app

__all__ = ["celery_app"]

# Images, mails and logs are for the installation's own user alone, whichever process writes them.
os.umask(0o077)
