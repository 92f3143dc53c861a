//! Listen, accept, TLS, budgets, and the driver of machines.
