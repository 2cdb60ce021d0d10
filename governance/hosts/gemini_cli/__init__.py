"""
The adapter for Gemini CLI: its payloads as events, decisions as its answers.

It has words of its own for events, tools and answers; those of other clients let a tool run.
"""
