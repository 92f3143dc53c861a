//! Command lines: the verb and what stands behind it (RFC 5321 §4.1.1).

/// One command, its arguments still as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Command<'i> {
    /// What to do.
    pub(crate) verb: Verb,
    /// What follows the verb and one or more spaces; no white space at its end.
    pub(crate) arguments: &'i str,
}

/// The commands of SMTP and LMTP, in the order of RFC 5321 §4.1.1, then those of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Rset,
    Vrfy,
    Expn,
    Help,
    Noop,
    Quit,
    /// RFC 4954.
    Auth,
    /// RFC 3030.
    Bdat,
    /// RFC 2033.
    Lhlo,
    /// RFC 3207.
    StartTls,
}

impl Verb {
    pub(crate) const ALL: [(&'static str, Self); 15] = [
        ("EHLO", Self::Ehlo),
        ("HELO", Self::Helo),
        ("MAIL", Self::Mail),
        ("RCPT", Self::Rcpt),
        ("DATA", Self::Data),
        ("RSET", Self::Rset),
        ("VRFY", Self::Vrfy),
        ("EXPN", Self::Expn),
        ("HELP", Self::Help),
        ("NOOP", Self::Noop),
        ("QUIT", Self::Quit),
        ("AUTH", Self::Auth),
        ("BDAT", Self::Bdat),
        ("LHLO", Self::Lhlo),
        ("STARTTLS", Self::StartTls),
    ];
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    /// A request of HTTP: a browser or a script was sent here (cross-protocol attack).
    #[error("an HTTP request")]
    Http,
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// No verb of ours.
    #[error("unknown verb")]
    Unknown,
}

impl<'i> Command<'i> {
    /// Reads a line without its CRLF.
    ///
    /// White space at the end is let pass, as RFC 5321 §4.1.1 asks of servers.
    pub(crate) fn parse(line: &'i [u8]) -> Result<Self, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::NotUtf8)?;
        let line = line.trim_end_matches([' ', '\t']);
        let (word, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let verb = Verb::ALL
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word));
        match verb {
            Some(&(_, verb)) => Ok(Self {
                verb,
                arguments: arguments.trim_start_matches(' '),
            }),
            None if is_http(word) => Err(CommandError::Http),
            None => Err(CommandError::Unknown),
        }
    }
}

/// Whether unread bytes begin with the verb RCPT.
pub(crate) fn begins_with_rcpt(unread: &[u8]) -> bool {
    unread
        .get(..4)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"RCPT"))
}

/// Whether unread bytes begin a command whose line may be as long as AUTH's.
pub(crate) fn begins_with_auth(unread: &[u8]) -> bool {
    unread
        .get(..5)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "))
}

/// Whether unread bytes are a TLS record: type handshake, version 3.x (RFC 8446 §5.1).
pub(crate) fn begins_with_tls(unread: &[u8]) -> bool {
    unread.first() == Some(&0x16)
}

/// The methods of RFC 9110 §9.3 and the preface of RFC 9113 §3.4.
fn is_http(word: &str) -> bool {
    matches!(
        word,
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PRI"
    )
}

/// `BDAT size [LAST]` (RFC 3030 §2).
pub(crate) fn chunk_arguments(arguments: &str) -> Option<(u64, bool)> {
    let (size, last) = match arguments.split_once(' ') {
        None => (arguments, false),
        Some((size, word)) if word.trim_start().eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return None,
    };
    // `parse` alone would let a sign pass.
    let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.then(|| size.parse().ok())??, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_read_in_any_case_and_trailing_space_passes() {
        for (name, verb) in Verb::ALL {
            let line = format!("{} x y \t ", name.to_lowercase());
            let command = Command::parse(line.as_bytes()).unwrap();
            assert_eq!((command.verb, command.arguments), (verb, "x y"));
        }
        assert_eq!(Command::parse(b"NOOPS"), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b""), Err(CommandError::Unknown));
        assert_eq!(Command::parse(b"NOOP \xff"), Err(CommandError::NotUtf8));
        assert_eq!(Command::parse(b"GET / HTTP/1.1"), Err(CommandError::Http));
    }

    #[test]
    fn attack_a04_chunk_sizes_are_bounded() {
        assert_eq!(chunk_arguments("0 LAST"), Some((0, true)));
        assert_eq!(chunk_arguments("86  last"), Some((86, true)));
        assert_eq!(
            chunk_arguments("18446744073709551615"),
            Some((u64::MAX, false))
        );
        for bad in [
            "",
            "x",
            "-1",
            "+1",
            "1 FIRST",
            "1 LAST LAST",
            "18446744073709551616",
            "99999999999999999999999",
            "LAST",
        ] {
            assert_eq!(chunk_arguments(bad), None, "{bad}");
        }
    }
}
