"""The hosted API: routes, validation, answers, webhooks."""
