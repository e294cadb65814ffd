"""The stages of a build, one file each; every stage works bucket by bucket."""
