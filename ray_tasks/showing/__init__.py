"""What pages show of a lake and a profile store: no more than a reader may see, and no vectors."""
