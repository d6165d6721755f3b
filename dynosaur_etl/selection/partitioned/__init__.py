"""The mode `partitioned`: parts of near points are solved one by one, and joined."""
