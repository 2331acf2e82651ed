"""Metrics in Prometheus's text format: what processes count, and what the database says when it is asked."""
