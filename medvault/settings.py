"""Django settings, computed from the environment (medvault/env.py) and nothing else."""

import sys
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _
from kombu import Queue
from kombu.common import Broadcast

from medvault.connections import database, redis_urls
from medvault.env import PROJECT, read_environment
from medvault.languages import languages
from medvault.logs.configuring import logging_settings
from medvault.metrics.counting import count_in
from medvault.secrets import local_secrets

ENV = read_environment()
HOME, SHARED = ENV.medvault_home, ENV.medvault_shared or ENV.medvault_home
SECRET_KEY = ENV.secret_key.get_secret_value() if ENV.secret_key else local_secrets(HOME)["secret_key"]
DEBUG = ENV.debug
PUBLIC_URL = ENV.public_url or f"http://localhost:{ENV.port}"  # passkeys need a name, not an address
SECURE = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = [host.strip() for host in ENV.allowed_hosts.split(",")]
if (host := urlsplit(PUBLIC_URL).hostname) and host not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(host)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "medvault.apps.MedVaultConfig",
    "unfold.apps.BasicAppConfig",  # its templates before Django's; BasicAppConfig leaves the site to AdminSiteConfig
    "unfold.contrib.filters",
    "medvault.apps.AdminSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.core",
    "apps.audit",
    "apps.accounts",
    "apps.facilities",
    "apps.notifications",
    "apps.tiers",
    "apps.contracts",
    "apps.vault",
    "apps.catalog",
    "apps.collection",
    "apps.retention",
    "apps.orders",
    "apps.billing",
    "apps.evidence",
    "apps.dicomweb",
    "apps.api",
    "apps.dicomnet",
    "apps.portal",
]

MIDDLEWARE = [
    "medvault.requests.RequestMiddleware",
    "medvault.proxies.ProxyMiddleware",
    "apps.api.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "medvault.security.AdminContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.facilities.reading.ReaderMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.portal.ways_back.WaysBack",
    "apps.accounts.form_middleware.KeptForms",
    "apps.accounts.form_middleware.SentOnce",
    "apps.facilities.middleware.TenancyMiddleware",
]

ROOT_URLCONF = "medvault.urls"
WSGI_APPLICATION = "medvault.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "apps.accounts.form_middleware.kept_form",
                "apps.portal.context.facilities",
            ],
        },
    },
]

DATABASES = {"default": database(ENV, "facility"), "owner": database(ENV, "owner")}
DATABASE_ROUTERS = ["medvault.connections.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_broker, _cache = redis_urls(ENV)
CACHES = {"default": {"BACKEND": "medvault.cache.RedisOrMemoryCache", "LOCATION": _cache}}
DICOM_PORT, DICOM_TLS_PORT, DICOM_AE_TITLE = ENV.dicom_port, ENV.dicom_tls_port, ENV.dicom_ae_title
DICOM_TLS_AUTHORITIES = ENV.dicom_tls_authorities
DICOM_MAX_ASSOCIATIONS = ENV.dicom_max_associations
DICOM_MAX_ASSOCIATIONS_PER_PEER = ENV.dicom_max_associations_per_peer

CELERY_BROKER_URL = _broker
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = (Queue("ingest"), Queue("default"), Broadcast("hosts"))  # hosts: a task for each of them
CELERY_TASK_ROUTES = {
    "apps.collection.tasks.sweep_orphans": {"queue": "hosts"},
    **{f"apps.{room}.tasks.*": {"queue": "ingest"} for room in ("collection", "dicomnet")},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that is down must not hold up a request: the table is the queue, and beat finds what was not announced.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5, "visibility_timeout": 3600}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "hand-on-notifications": {"task": "apps.notifications.tasks.hand_on", "schedule": 60.0},
    "tell-of-access": {"task": "apps.notifications.tasks.tell_of_access", "schedule": 60.0},
    "mail-notifications": {"task": "apps.notifications.tasks.mail_letters", "schedule": 60.0},
    "deliver-to-webhooks": {"task": "apps.notifications.tasks.deliver", "schedule": 60.0},
    "forget-notifications": {
        "task": "apps.notifications.tasks.forget_old",
        "schedule": crontab(hour="4", minute="23"),
    },
    "replicate": {"task": "apps.collection.tasks.replicate_pending", "schedule": 60.0},
    "open-uploads": {"task": "apps.collection.tasks.open_uploads", "schedule": 60.0},
    "mail-receipts": {"task": "apps.collection.tasks.mail_receipts", "schedule": 60.0},
    "watch-terminals": {"task": "apps.collection.tasks.watch_terminals", "schedule": crontab(minute="13")},
    "pull": {"task": "apps.dicomnet.tasks.pull_due", "schedule": 60.0},
    "assess": {"task": "apps.retention.tasks.assess_pending", "schedule": 20.0},
    "lock-packs": {"task": "apps.retention.tasks.lock_packs", "schedule": 120.0},
    "sweep-retention": {"task": "apps.retention.tasks.sweep_retention", "schedule": crontab(hour="2", minute="17")},
    "carry-out-approved": {"task": "apps.retention.tasks.carry_out_approved", "schedule": 300.0},
    "close-contracts": {"task": "apps.retention.tasks.close_contracts", "schedule": crontab(minute="57")},
    "charge-cards": {"task": "apps.billing.tasks.charge_cards", "schedule": 300.0},
    "apply-webhooks": {"task": "apps.billing.tasks.apply_webhooks", "schedule": 20.0},
    "tell-of-cards": {"task": "apps.billing.tasks.tell_of_cards", "schedule": 300.0},
    "dun": {"task": "apps.billing.tasks.dun", "schedule": crontab(minute="47")},
    "deliver-orders": {"task": "apps.dicomnet.tasks.deliver_due", "schedule": 20.0},
    "produce-orders": {"task": "apps.orders.tasks.produce_due", "schedule": 60.0},
    "print": {"task": "apps.dicomnet.tasks.print_due", "schedule": 20.0},
    "close-orders": {"task": "apps.orders.tasks.close_due", "schedule": 300.0},
    "give-notice": {"task": "apps.retention.tasks.give_notice", "schedule": 300.0},
    "run-billing": {"task": "apps.billing.tasks.run_due", "schedule": crontab(minute="7")},
    "mark-overdue": {"task": "apps.billing.tasks.mark_overdue", "schedule": crontab(minute="37")},
    "prove-billing": {"task": "apps.billing.tasks.prove", "schedule": crontab(hour="3", minute="43")},
    "make-invoices": {"task": "apps.billing.tasks.make_documents", "schedule": 60.0},
    "mail-invoices": {"task": "apps.billing.tasks.mail_invoices", "schedule": 300.0},
    "verify-packs": {"task": "apps.vault.tasks.verify_packs", "schedule": 300.0},
    "sum-up-holdings": {"task": "apps.evidence.tasks.sum_up_holdings", "schedule": crontab(minute="27")},
    "checkpoint-logs": {"task": "apps.evidence.tasks.checkpoint_logs", "schedule": crontab(hour="1", minute="13")},
    "make-reports": {"task": "apps.evidence.tasks.make_reports", "schedule": 60.0},
    "forget-answers": {"task": "apps.api.tasks.forget_answers", "schedule": crontab(hour="4", minute="11")},
    "sweep-orphans": {"task": "apps.collection.tasks.sweep_orphans", "schedule": 300.0},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(HOME / "beat-schedule")


def _place(url: str | None, name: str) -> dict[str, Any]:
    """STORAGES entry of a vault place: a folder, or s3://bucket/prefix?endpoint_url=…&region_name=…"""
    if url is None or not url.startswith("s3://"):
        folder = HOME / "vault" / name if url is None else url
        return {"BACKEND": "apps.vault.places.DirectoryPlace", "OPTIONS": {"location": str(folder)}}
    parts = urlsplit(url)
    options = {"bucket_name": parts.hostname, "location": parts.path.strip("/"), **dict(parse_qsl(parts.query))}
    if parts.username:
        options |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
    return {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": options}


STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "primary": _place(ENV.vault_primary, "primary"),
    "replica": _place(ENV.vault_replica, "replica"),
    "previews": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(HOME / "cache" / "previews")},
    },
    "outputs": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(SHARED / "outputs"), "file_permissions_mode": 0o600},
    },
    "invoices": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(SHARED / "invoices"), "allow_overwrite": True},
    },
}
VAULT_SPOOL = HOME / "spool"
FIXITY_DAYS, FIXITY_RUN_BYTES, FIXITY_RUN_SECONDS = ENV.fixity_days, ENV.fixity_run_bytes, ENV.fixity_run_seconds
STRIPE_API_KEY = ENV.stripe_api_key.get_secret_value() if ENV.stripe_api_key else ""
STRIPE_WEBHOOK_SECRET = ENV.stripe_webhook_secret.get_secret_value() if ENV.stripe_webhook_secret else ""
STRIPE_API_BASE = ENV.stripe_api_base
BILLING_GRACE_DAYS, BILLING_AUTO_FINALIZE = ENV.billing_grace_days, ENV.billing_auto_finalize
UPLOADS = SHARED / "uploads"
WEBHOOKS_ANYWHERE = ENV.webhooks_anywhere
OHIF = PROJECT / ".ohif"
KEYS = SHARED / "keys"

STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [PROJECT / "static"]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "apps.facilities.sign_in_trail.AuditedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_CHANGE_EMAIL = True  # one address a person; a new one replaces it once verified
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[MedVault] "
ACCOUNT_SESSION_REMEMBER = False  # clinics share computers: signed out with the browser, or after SESSION_COOKIE_AGE
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "open_share_link": "20/m/ip",
    "open_invitation": "30/m/ip",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
MFA_TOTP_ISSUER = "MedVault"
MFA_TOTP_TOLERANCE = 1  # a clock may differ by half a minute
USERSESSIONS_ADAPTER = "apps.facilities.sign_in_trail.AuditedUserSessionsAdapter"
STAFF_SECOND_FACTOR = ENV.staff_second_factor
TRUSTED_PROXIES = ENV.trusted_proxies

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = str(HOME / "mail")
if ENV.email_url:
    _mail = urlsplit(ENV.email_url)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname or "localhost", _mail.port or (465 if _mail.scheme == "smtps" else 587)
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
    EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.scheme == "smtps", _mail.scheme == "smtp" and bool(_mail.username)
    EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = ENV.email_from

LANGUAGE_CODE = "en"
LANGUAGES = languages()
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = True, "Lax"
FORMAT_MODULE_PATH = "medvault.formats"
LOCALE_PATHS = [PROJECT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

REST_FRAMEWORK = {  # who may enter is asked by the doors of facilities, before REST framework sees a request
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.api.admitted.Admitted"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "apps.api.describing.Description",
    "EXCEPTION_HANDLER": "apps.api.problems.as_problem",
}
API_REQUESTS_A_MINUTE = {
    "token": ENV.api_token_requests, "user": ENV.api_person_requests, "facility": ENV.api_facility_requests,
    "address": ENV.api_address_requests,
}  # fmt: skip
SPECTACULAR_SETTINGS = {
    "TITLE": "MedVault",
    "DESCRIPTION": "What the portal and the terminals of clinics do with the image storage center, for programs.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "PATH_CONVERTER_OVERRIDES": {
        "uid": {"type": "string", "pattern": "^[0-9.]{1,64}$"},
        "key": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
        "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "apps.api.transfers.add_transfers"],
    "ENUM_NAME_OVERRIDES": {
        "OrderState": "apps.orders.models.State",
        "InvoiceState": "apps.billing.models.State",
        "ContractState": "apps.contracts.models.State",
        "CollectionState": "apps.collection.models.State",
        "CollectionMethod": "apps.collection.models.Method",
        "PaymentMethod": "apps.billing.models.PaymentMethod",
        "OrderKind": "apps.orders.models.OrderKind",
        "HoldKind": "apps.catalog.models.HoldKind",
        "InvoiceKind": "apps.billing.models.InvoiceKind",
        "ReceiptKind": "apps.collection.models.ReceiptKind",
        "ConflictKind": "apps.catalog.models.ConflictKind",
        "ConflictDecision": "apps.catalog.models.ConflictDecision",
        "ChangeKind": "apps.catalog.models.ChangeKind",
        "NotificationKind": "apps.notifications.kinds.Kind",
        "ReportState": "apps.evidence.models.ReportState",
    },
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "A device token (mv_…)"},
            "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The portal's session"},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "Of the cookie csrftoken"},
        }
    },
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = 12 * 3600
CSRF_FAILURE_VIEW = "apps.accounts.form_middleware.form_too_old"
MESSAGE_STORAGE = "apps.accounts.message_storage.MessageStorage"
SECURE_SSL_REDIRECT = SECURE  # by X-Forwarded-Proto
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked for on loopback, without the proxy
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
# Whether HSTS binds other hosts of the domain is for its owner to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
CONTENT_SECURITY_POLICY = {  # AdminContentSecurityPolicy loosens it below /admin/
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

LOGGING_CONFIG = "medvault.logs.configuring.configure"
LOGGING = logging_settings(
    ENV.log_level, as_json=ENV.log_format == "json" or (ENV.log_format is None and not sys.stderr.isatty())
)
METRICS_TOKEN = ENV.metrics_token.get_secret_value() if ENV.metrics_token else ""
METRICS_FOLDER = HOME / "metrics"  # where the processes of this host count together
count_in(METRICS_FOLDER)

PETROL = {
    "50": (97.7, 0.012),
    "100": (94.6, 0.025),
    "200": (90.2, 0.045),
    "300": (82.7, 0.07),
    "400": (71.4, 0.09),
    "500": (60, 0.1),
    "600": (48, 0.085),
    "700": (43, 0.075),
    "800": (38, 0.065),
    "900": (33, 0.055),
    "950": (26, 0.045),
}
UNFOLD = {
    "SITE_TITLE": "MedVault",
    "SITE_HEADER": "MedVault",
    "SITE_SUBHEADER": _("Image storage center"),
    "SITE_ICON": lambda _: static("img/logo.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("img/favicon.svg")}],
    "COLORS": {"primary": {step: f"oklch({lightness}% {chroma} 205)" for step, (lightness, chroma) in PETROL.items()}},
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": False,  # the audit trail's, where a page has one
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "medvault.dashboard.dashboard",
    "GLOBAL_CALLBACK": "medvault.workplace.filters.saved_filters",
    "STYLES": [lambda _: static("css/workplace.css")],
    "SCRIPTS": [lambda _: static("js/workplace.js")],
    "SIDEBAR": {"navigation": "medvault.admin_menu.menu"},
    "ACCOUNT": {"navigation": "medvault.admin_menu.account_links"},
}
