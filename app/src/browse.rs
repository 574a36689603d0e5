//! Reading: what a client may see of tenants, channels and messages.
