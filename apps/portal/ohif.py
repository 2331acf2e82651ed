"""OHIF below a facility's address, with the session of who is signed in. What it shows it takes from DICOMweb, where
who looks at what is recorded.
"""

import json
import re
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE, WASM_UNSAFE_EVAL
from csp.decorators import csp_replace
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.ranges import AFTER_ASKING, tagged
from apps.facilities.doors import FacilityRequest, facility_door
from apps.portal import ohif_package

CONFIGURATION = "app-config.js"
FOR_GOOD = "private, max-age=31536000, immutable"
_NAMED_BY_CONTENT = re.compile(r"(.*\.)?[0-9a-f]{16}\.[a-z0-9]+")
POLICY = {  # it decodes by WebAssembly in workers, draws from blobs, and styles by script
    "default-src": [SELF],
    "script-src": [SELF, WASM_UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "worker-src": [SELF, "blob:"],
    "connect-src": [SELF, "blob:", "data:"],
    "img-src": [SELF, "blob:", "data:"],
    "font-src": [SELF, "data:"],
    "object-src": [NONE],
    "base-uri": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}


@facility_door()
@require_safe
@csp_replace(POLICY)
def ohif(request: Any, path: str = "") -> HttpResponseBase:
    """A file of OHIF, its configuration for this facility, or, by any other address, its page, which reads the address
    itself.
    """
    files = ohif_package.files()
    if not files:
        raise Http404
    if path == CONFIGURATION:
        return HttpResponse(_configuration(request), content_type="text/javascript")
    if path in files:
        return _file(request, files[path])
    if "." in path.rpartition("/")[2]:
        raise Http404
    return render(request, "portal/ohif.html", {"entry": ohif_package.entry()})


def address_of(request: FacilityRequest, study_instance_uid: str) -> str:
    """Where OHIF shows a study; '' where it is not installed."""
    if not ohif_package.files():
        return ""
    return f"{_root(request)}viewer?StudyInstanceUIDs={study_instance_uid}"


def _root(request: FacilityRequest) -> str:
    return reverse("portal:ohif", args=[request.facility.slug])


def _configuration(request: FacilityRequest) -> str:
    dicom_web = reverse("dicomweb:studies", args=[request.facility.slug]).removesuffix("/studies")
    configuration = {
        "routerBasename": _root(request).removesuffix("/"),
        "extensions": [],
        "modes": [],
        "customizationService": {},
        "showStudyList": True,
        "maxNumberOfWebWorkers": 3,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": True,
        "showLoadingIndicator": True,
        "strictZSpacingForVolumeViewport": True,
        "defaultDataSourceName": "dicomweb",
        "dataSources": [
            {
                "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
                "sourceName": "dicomweb",
                "configuration": {
                    "friendlyName": "MedVault",
                    "name": "medvault",
                    "qidoRoot": dicom_web,
                    "wadoRoot": dicom_web,
                    "qidoSupportsIncludeField": True,
                    "supportsReject": False,
                    "supportsStow": False,
                    "imageRendering": "wadors",
                    "thumbnailRendering": "thumbnail",
                    "enableStudyLazyLoad": True,
                    "supportsFuzzyMatching": True,
                    "supportsWildcard": True,
                    "singlepart": "bulkdata",
                    "bulkDataURI": {"enabled": True},
                },
            },
        ],
    }
    return (
        f"window.PUBLIC_URL = {json.dumps(_root(request))};\n"
        "window.browserImportFunction = (name) => import(name);\n"
        f"window.config = {json.dumps(configuration)};\n"
    )


def _file(request: FacilityRequest, path: Path) -> HttpResponseBase:
    """It holds nothing of anybody: a browser keeps it, for good where its name tells its content."""
    etag = f'"{ohif_package.VERSION}-{path.stat().st_size}"'
    if known := tagged(request, etag):
        return known
    is_for_good = _NAMED_BY_CONTENT.fullmatch(path.name)
    headers = {"ETag": etag, "Cache-Control": FOR_GOOD if is_for_good else AFTER_ASKING, "Vary": "Accept-Encoding"}
    content_type = ohif_package.TYPES[path.suffix]
    if "gzip" in request.headers.get("Accept-Encoding", "") and path.suffix in ohif_package.COMPRESSED:
        headers["Content-Encoding"], path = "gzip", path.with_name(f"{path.name}.gz")
    return FileResponse(path.open("rb"), content_type=content_type, headers=headers)
