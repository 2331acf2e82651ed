"""Composition root: settings, addresses, processes. No app imports it."""

from medvault.celery import app as celery_app

__all__ = ["celery_app"]
