"""Card payments: what Stripe is asked, charging, refunds and webhooks."""
