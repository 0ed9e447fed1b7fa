"""Credit risk: default PD and its term structure, LGD, EAD, expected loss, IFRS 9 stages, transitions and vintages."""
