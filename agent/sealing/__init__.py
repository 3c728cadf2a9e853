"""From records to committed seals: record sources, queue, keys and their recovery, re-key, TPM, quota.

What a seal is and how it is checked is in `evidence`; nothing here knows the broker or imports
`agent.uplink`.
"""
