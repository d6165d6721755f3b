"""What those who keep the product run now and then; no part of it."""
