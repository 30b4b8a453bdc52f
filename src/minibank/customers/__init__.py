"""What is done for customers that concerns several features: close, join, leave, rename."""
