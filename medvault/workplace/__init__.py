"""The workplace of the center's staff: start pages with queues, the menu, the search over everything, saved filters."""
