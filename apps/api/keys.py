"""The center's public keys, with which every receipt can be checked."""

from django.http import HttpRequest, JsonResponse

from apps.audit.signing import published_keys


def jwks(_request: HttpRequest) -> JsonResponse:
    """A JWK Set (RFC 7517, 5)."""
    return JsonResponse(published_keys(), headers={"Cache-Control": "public, max-age=300"})
