"""Whether help helps: effects against the hold-out, for whom, at what price, and what another policy would bring."""
