"""Contact law as code: packs of dated clauses, and the one function that asks them, `may_contact`."""
