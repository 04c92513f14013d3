"""The configuration files for proxies in deploy/, run in front of a real server."""
