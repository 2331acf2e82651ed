"""The Celery application; tasks live in the apps' `tasks.py`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")

app = Celery("medvault")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
