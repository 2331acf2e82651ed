"""The workplace's pages about the catalog."""

from apps.catalog.admin import accesses, holds, images, patients

__all__ = ["accesses", "holds", "images", "patients"]
