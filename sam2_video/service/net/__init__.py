"""What is fetched from outside, and what is guarded against."""
