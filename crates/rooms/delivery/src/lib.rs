//! Expand, plan and commit: the one door for every message.
