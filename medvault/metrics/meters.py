"""What the processes of this host count. Labels are names of ours: no facility, nothing of a patient."""

from prometheus_client import Counter, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TASK_SECONDS = (0.1, 1, 10, 60, 300, 1800)

REQUESTS = Counter("medvault_requests_total", "Requests by route, method and status", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("medvault_request_seconds", "Until an answer began", ["route"], buckets=SECONDS)
TASKS = Counter("medvault_tasks_total", "Tasks of workers by how they ended", ["task", "state"])
TASK_DURATIONS = Histogram("medvault_task_seconds", "How long tasks took", ["task"], buckets=TASK_SECONDS)
