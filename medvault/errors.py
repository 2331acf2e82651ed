"""What people and programs are shown where a view broke: an id, by which the center finds it in its logs."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from apps.core import request_ids
from apps.core.problems import problem

DETAIL = "Something went wrong on our side. Send again; if it persists, tell the center this request id"


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a page for browsers, problem details for others. The database may be what broke: it is not
    asked.
    """
    if "text/html" in request.headers.get("Accept", ""):
        return HttpResponse(render_to_string("500.html", {"request_id": request_ids.current()}), status=500)
    return problem(500, code="internal_server_error", detail=DETAIL)
