"""A MedVault home of its own for each test process. Loaded before the settings (`-p tests.environment`)."""

import os
import tempfile
from pathlib import Path

from tests import prepared

HOME = Path(tempfile.mkdtemp(prefix="medvault-test-"))
(HOME / "static").mkdir()
IS_PREPARED = prepared.take_secrets(HOME)
for name in (
    "DATABASE_URL",
    "REDIS_URL",
    "VAULT_PRIMARY",
    "VAULT_REPLICA",
    "EMAIL_URL",
    "PUBLIC_URL",
    "SECRET_KEY",
    "STRIPE_API_KEY",
    "STRIPE_API_BASE",
):
    os.environ.pop(name, None)
os.environ |= {
    "MEDVAULT_HOME": str(HOME),
    "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1],testserver",
    "LOG_LEVEL": "WARNING",
    "STRIPE_WEBHOOK_SECRET": "whsec_of_tests",
}
