"""What the operators' pages need of templates."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def of_key(found: Mapping[Any, Any], key: object) -> Any:
    """`found[key]`, '' where there is none."""
    return found.get(key, "")
