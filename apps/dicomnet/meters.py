"""What the gateway counts (Prometheus)."""

from prometheus_client import Counter, Histogram

ASSOCIATIONS = Counter("medvault_associations_total", "DICOM associations by how they ended", ["ended"])
ASSOCIATION_SECONDS = Histogram(
    "medvault_association_seconds", "How long DICOM associations took", ["ended"], buckets=(0.1, 1, 10, 60, 300, 1800)
)
STORED = Counter("medvault_c_store_total", "C-STORE requests by status (hexadecimal)", ["status"])
