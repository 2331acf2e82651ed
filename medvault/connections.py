"""Where PostgreSQL and Redis are: the servers that the environment names, or the embedded ones."""

from typing import Any, Literal

from psycopg.conninfo import conninfo_to_dict

from medvault.embedded.redis import socket_path
from medvault.embedded.sockets import socket_folder
from medvault.env import Environment
from medvault.roles import FACILITY, OWNER
from medvault.secrets import local_secrets

EMBEDDED_DATABASE = "medvault"
NOTICING: dict[str, Any] = {
    # Whichever side the network is cut off from notices within half a minute, and lets go of what it holds.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=20000",
}
_NAMES = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def database(env: Environment, role: Literal["owner", "facility"]) -> dict[str, Any]:
    """Django's DATABASES entry for the application's login (`facility`) or for migrations (`owner`)."""
    entry: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 600 if role == "facility" else 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": f"medvault-{role}",
            # Statements that come again are planned once; planning under row-level security costs more than running.
            "server_side_binding": True,
            "prepare_threshold": 3,
        },
    }
    if env.database_url is None:
        user = {"owner": OWNER, "facility": FACILITY}[role]
        password = local_secrets(env.medvault_home)[f"postgresql_{role}"]
        host = str(socket_folder(env.medvault_home))
        return entry | {"NAME": EMBEDDED_DATABASE, "USER": user, "PASSWORD": password, "HOST": host, "PORT": ""}
    told = conninfo_to_dict(env.database_owner_url if role == "owner" and env.database_owner_url else env.database_url)
    named = {setting: str(told.pop(name, None) or "") for setting, name in _NAMES.items()}
    several = {"target_session_attrs": "read-write"} if "," in named["HOST"] else {}
    return entry | named | {"OPTIONS": entry["OPTIONS"] | NOTICING | several | told}


def redis_urls(env: Environment) -> tuple[str, str]:
    """URLs of Celery's broker and of Django's cache."""
    if env.redis_url is None:
        path = socket_path(env.medvault_home)
        return f"redis+socket://{path}?virtual_host=0", f"unix://{path}?db=1"
    return env.redis_url, env.redis_url


class OwnerMigrates:
    """Database router: tables are made as the owner role, and by no other."""

    def allow_migrate(self, db: str, *_app_label: str, **_hints: Any) -> bool:
        return db == "owner"
