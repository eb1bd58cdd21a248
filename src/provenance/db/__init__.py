"""Tables, migrations and connections. PostgreSQL everywhere; there is no second dialect."""
