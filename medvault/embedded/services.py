"""The embedded services of one home, together."""

from medvault.embedded.postgresql import EmbeddedPostgreSQL
from medvault.embedded.redis import EmbeddedRedis
from medvault.env import Environment
from medvault.secrets import local_secrets


def embedded_services(env: Environment) -> list[EmbeddedPostgreSQL | EmbeddedRedis]:
    """The services that `env` names no server for, in the order they start."""
    services: list[EmbeddedPostgreSQL | EmbeddedRedis] = []
    if env.database_url is None:
        services.append(embedded_postgresql(env))
    if env.redis_url is None:
        services.append(EmbeddedRedis(env.medvault_home))
    return services


def embedded_postgresql(env: Environment) -> EmbeddedPostgreSQL:
    """The embedded PostgreSQL server of `env`'s home."""
    return EmbeddedPostgreSQL(env.medvault_home, local_secrets(env.medvault_home)["postgresql_superuser"])
