"""The agent on the gateway, and the reference subscriber that checks what it sends."""
