"""Bank transfers: statements are imported, and what came is matched to invoices or left to staff."""
