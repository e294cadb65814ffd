"""The passes of stage 0, one table a file; `ray_tasks.stages.partition` puts them in order."""
