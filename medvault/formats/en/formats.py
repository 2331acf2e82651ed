"""Dates as ISO 8601: the center's staff and its clinics are in many countries."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y-m-d H:i"
SHORT_DATE_FORMAT = DATE_FORMAT
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
LONG_DATE_FORMAT = "l, j F Y"
YEAR_MONTH_FORMAT = "F Y"
