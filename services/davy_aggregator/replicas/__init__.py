"""Several aggregators of one site on one PostgreSQL: one leads by a lease, every one serves."""
