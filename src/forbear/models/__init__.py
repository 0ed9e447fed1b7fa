"""Models: datasets, fits, calibration, honest figures and the artefact that carries them."""
