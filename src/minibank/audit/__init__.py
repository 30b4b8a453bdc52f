"""Prove the books from the rows: every balance, hold and transaction against its entries."""

from minibank.audit.findings import AuditReport, Finding
from minibank.audit.plan import PROVE, Plan
from minibank.audit.run import audit

__all__ = ["PROVE", "AuditReport", "Finding", "Plan", "audit"]
