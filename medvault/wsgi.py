"""WSGI entry point; DICOMweb uploads stream through it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")

application = get_wsgi_application()
