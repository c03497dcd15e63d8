"""How links are found: one module per kind of question, used by the table in resolvers/links.py."""
