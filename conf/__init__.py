"""Settings: frozen models, YAML profiles and the one way to load them."""
