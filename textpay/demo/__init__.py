"""The practice companies: who they are, and a few months of their life, made by the product's own
verbs. `manage.py seed_demo` runs it."""
