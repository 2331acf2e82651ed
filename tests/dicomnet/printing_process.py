"""A worker of its own that prints what is due, to be killed over it: python -m …"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.dicomnet.printing import print_due  # noqa: E402

print_due()
