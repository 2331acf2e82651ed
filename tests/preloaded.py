"""What a process is forked from has imported: the apps, and nothing that would not survive a fork."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()
