"""Logs: one line for each event, for people or for programs, and never with patient data."""
