"""Who knows whom: friendships, age and gender from friends and names, neighbours. Pure."""
