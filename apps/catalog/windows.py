"""Windows that have a name: center and width in Hounsfield units, as radiology commonly uses them for CT."""

from django.utils.translation import gettext_lazy as _

MODALITY = "CT"
WINDOWS = {
    "lung": (_("Lung"), (-600.0, 1500.0)),
    "soft": (_("Soft tissue"), (40.0, 400.0)),
    "bone": (_("Bone"), (400.0, 1800.0)),
    "brain": (_("Brain"), (40.0, 80.0)),
}
