"""Selection from a file or folder of the user's own, without the store: `dynosaur select`."""
