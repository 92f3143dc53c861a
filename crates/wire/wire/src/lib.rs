//! The Machine contract, lines, literals, output, SASL and transcripts.
