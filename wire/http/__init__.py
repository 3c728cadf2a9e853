"""One small HTTP/1.1 server, strict and limited, under the gateway's status page and the centre's EST.

What a request asks for and whether its sender may have it is decided elsewhere. There is no client.
The agent never loads it.
"""
