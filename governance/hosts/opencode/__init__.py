"""
The adapter for OpenCode: a plugin for the client, and what its messages mean.

`plugin.js` stands in the client and asks `governance.hooking` before anything runs;
`settings.install` puts it there and `settings.uninstall` takes it away.
"""
