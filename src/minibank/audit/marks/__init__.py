"""Verified marks: how far each account was audited, so that the next audit can go on from there."""
