"""The Settings pages of a tenant: company, texts, payments, people. In the top app, because they
show and change models of all the others.
"""
