"""The verbs: a typed request in, a stream of events out."""
