"""What: photos, faces, clusters, evidence, leaders, profiles, evaluation. Pure: arrays and tables in and out."""
