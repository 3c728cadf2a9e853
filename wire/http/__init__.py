"""One small HTTP/1.1 server, strict and limited, under the gateway's status page and the centre's EST.

What a request asks for, and whether whoever sent it may have it, does not belong here; nor does any client.
The agent never loads it.
"""
