"""Facts, words, money and time: what everything else speaks of."""
