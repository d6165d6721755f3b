"""`python -m dynosaur_etl` is the command `dynosaur`."""

from dynosaur_etl.cli.main import main

main()
