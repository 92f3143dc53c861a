//! Submission, Transfer and LMTP sessions and their policy stages.
