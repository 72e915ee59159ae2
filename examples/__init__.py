"""The examples: rendered clips with known truth, and what renders them."""
