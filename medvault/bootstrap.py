"""From an empty server to one that MedVault can run on: roles, database, tables."""

from urllib.parse import unquote, urlsplit

from django.core.management import call_command

from medvault.connections import EMBEDDED_DATABASE
from medvault.embedded.services import embedded_postgresql
from medvault.env import Environment
from medvault.roles import bootstrap_database
from medvault.secrets import local_secrets


class CannotBootstrap(Exception):
    """The environment does not say how to reach the database with enough rights."""


def bootstrap_roles(env: Environment) -> None:
    """Make the three roles and the database (medvault.roles); safe to repeat. Raises CannotBootstrap."""
    if env.database_url is None:
        secrets = local_secrets(env.medvault_home)
        bootstrap_database(
            embedded_postgresql(env).admin_conninfo(),
            database=EMBEDDED_DATABASE,
            owner_password=secrets["postgresql_owner"],
            facility_password=secrets["postgresql_facility"],
        )
        return
    if not (env.database_admin_url and env.database_owner_url):
        raise CannotBootstrap("Set DATABASE_ADMIN_URL and DATABASE_OWNER_URL to make roles and database")
    facility, owner = urlsplit(env.database_url), urlsplit(env.database_owner_url)
    bootstrap_database(
        env.database_admin_url,
        database=unquote(facility.path.lstrip("/")),
        owner_password=unquote(owner.password or ""),
        facility_password=unquote(facility.password or ""),
    )


def migrate(verbosity: int = 1) -> None:
    """Bring the tables up to date, then the groups of staff and the presets of rules, as the owner role."""
    from apps.retention.presets import record_presets  # noqa: PLC0415 models, imported once apps are loaded
    from medvault.staff_roles import bring_staff_roles_up_to_date  # noqa: PLC0415 models, imported once apps are loaded

    call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
    bring_staff_roles_up_to_date(using="owner")
    record_presets(using="owner")
