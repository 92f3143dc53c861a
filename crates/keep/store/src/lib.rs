//! Records, log, schema and engine: what is durable.
