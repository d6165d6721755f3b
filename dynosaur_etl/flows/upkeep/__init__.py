"""What keeps the installation and its sources sound: audit, doctor, garbage."""
