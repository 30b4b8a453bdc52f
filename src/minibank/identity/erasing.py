"""What the erasure of a person is called as due work; its subject is the person's id."""

ERASURE = "erasure"
