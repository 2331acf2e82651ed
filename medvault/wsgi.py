"""WSGI entry point; DICOMweb uploads stream through it."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from medvault.headers import with_sound_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")

application = with_sound_headers(get_wsgi_application())

# The first request of a worker should not wait for the pages' code to be loaded.
from django.urls import get_resolver  # noqa: E402

_ = get_resolver().url_patterns

# What is loaded now stays: the collector need not look through it at every round, nor come by several times a request.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
