"""The second reading of contact law: judges a contact ledger on its own, and shares no code with what decided.

It may use the standard library and the errors of the domain, and nothing else.
"""
