"""The ledger of days and the formulas over it."""
