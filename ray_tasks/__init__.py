"""Where: Ray actors and tasks, stages over buckets, resume, progress and the command line."""
