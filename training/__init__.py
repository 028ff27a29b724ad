"""CLIP training and evaluation on the exported shards, from one process to many nodes."""
