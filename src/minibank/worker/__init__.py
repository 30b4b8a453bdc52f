"""What falls due: claimed with a lease, executed as the command it stands for."""
