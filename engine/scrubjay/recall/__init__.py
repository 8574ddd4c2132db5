"""Which memories answer a query, and how they are told: pure, values in and values out."""
