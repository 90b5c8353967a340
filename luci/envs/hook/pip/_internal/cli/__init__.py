"""Where pip's command line lies."""
