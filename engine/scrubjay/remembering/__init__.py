"""What is to be written: pure, values in and values out."""
