//! Typed operations of the operator, over the control socket or in-process.
