"""/metrics: what this host's processes have counted, and how the installation stands as the database says it."""

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from medvault.health import is_operator
from medvault.heard import seconds_since
from medvault.metrics.queues import failing, last_done, waiting
from medvault.parts import QUEUES, free_bytes, looked_at, redis_client

TIMEOUT = "5s"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever has METRICS_TOKEN, or calls from this machine itself; in the format that Accept asks for."""
    if not is_operator(request):
        return HttpResponse("Bring METRICS_TOKEN\n", status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Installation())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


class _Installation:
    """Gauges that are the same whichever host is asked; and the parts as this one sees them."""

    def collect(self) -> Iterable[Metric]:
        parts = {part.name: part for part in looked_at()}
        yield _gauge("medvault_part_ok", "Whether a part is well (/readyz says why not)", "part",
                     ((name, part.is_well) for name, part in parts.items()))  # fmt: skip
        yield _gauge("medvault_free_bytes", "What is free where this host writes", "part", free_bytes())
        if parts["database"].is_well:
            yield from _of_the_database()
        if parts["redis"].is_well:
            yield from _of_the_broker()


def _of_the_database() -> Iterator[Metric]:
    with as_center():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIMEOUT])
        now = database_now()
        queues, failures, done = list(waiting()), list(failing(now)), list(last_done())
    counts = ((each.queue, each.count) for each in queues)
    yield _gauge("medvault_queue_waiting", "How much waits in the tables that are queues", "queue", counts)
    ages = ((each.queue, (now - each.oldest_at).total_seconds() if each.oldest_at else 0.0) for each in queues)
    yield _gauge("medvault_queue_oldest_seconds", "For how long the first of it has waited", "queue", ages)
    yield _gauge("medvault_failing", "What does not succeed, or is late: for staff", "kind", failures)
    ended = ((name, (now - at).total_seconds()) for name, at in done)
    yield _gauge("medvault_since_seconds", "Since the works of every day were done last", "work", ended)


def _of_the_broker() -> Iterator[Metric]:
    with redis_client(settings.CELERY_BROKER_URL) as client:
        lengths = [(name, int(client.llen(name))) for name in ("ingest", "default")]
    yield _gauge("medvault_broker_messages", "Tasks that no worker has taken yet", "queue", lengths)
    heard = [(name, seconds_since(name)) for name in ("beat", *(f"queue:{queue}" for queue in QUEUES))]
    known = ((name, since) for name, since in heard if since is not None)
    yield _gauge("medvault_heard_seconds", "Since beat, or a worker of the queue, was heard from", "process", known)


def _gauge(name: str, what: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=[label])
    for told, value in values:
        family.add_metric([told], value)
    return family
