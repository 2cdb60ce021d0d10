"""Governance of AI-agent sessions."""
