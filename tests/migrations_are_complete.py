"""The checks of models, and `makemigrations --check`: every change of a model has its migration."""

import os
import shutil
import sys

from tests.environment import HOME

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")


def main() -> int:
    import django
    from django.conf import settings
    from django.core.management import call_command

    from medvault.bootstrap import bootstrap_roles
    from medvault.embedded.services import embedded_postgresql

    django.setup()
    postgresql = embedded_postgresql(settings.ENV)
    try:
        postgresql.start()
        bootstrap_roles(settings.ENV)
        call_command("check", tags=["models"])
        call_command("makemigrations", check=True, dry_run=True)
    except SystemExit as error:
        return int(error.code or 0)
    finally:
        postgresql.stop()
        shutil.rmtree(HOME, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
