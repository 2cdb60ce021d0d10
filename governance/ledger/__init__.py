"""
The ledger of one session: violations, escalation, halts and approvals, as a fold of rows.

>>> from governance.ledger import EMPTY, halted
>>> body = {"rule": "git.no-force-push", "action": "deny", "severity": "high"}
>>> ledger = EMPTY.apply("violation.counted", body, 1_000)
>>> ledger.counts
{'high': 1}
>>> halted(ledger) is None
True

Nothing here reads a clock, a store or a rule: rows carry all that the fold needs.
"""

from governance.ledger.approvals import Approval, approval_key
from governance.ledger.escalation import StepTaken, escalate
from governance.ledger.fold import EMPTY, Halt, Ledger, damage, find_approval, halted, in_force
from governance.ledger.violations import Violation, intent_mark

__all__ = [
    "EMPTY",
    "Approval",
    "Halt",
    "Ledger",
    "StepTaken",
    "Violation",
    "approval_key",
    "damage",
    "escalate",
    "find_approval",
    "halted",
    "in_force",
    "intent_mark",
]
