"""Labels given by hand, and what is trained from them."""
