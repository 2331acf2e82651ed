"""The demonstration: two invented clinics, their people and their images."""
