"""What every stage works with: services, the frame of a step, the way to the LLM."""
