"""What falls due later, written with its cause; who executes it is `minibank.worker`."""
