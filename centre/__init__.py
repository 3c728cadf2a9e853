"""The reference subscriber: verifies what gateways publish, commits it, then answers with receipts."""
