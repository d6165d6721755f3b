"""The stage that closes the loop: train on a version, measure it, and keep learning from it."""
