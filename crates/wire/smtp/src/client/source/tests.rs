use proptest::prelude::*;

use super::*;

/// What leaves of a message given in `pieces`.
fn sent(mut source: Source, pieces: &[&[u8]]) -> Result<Vec<u8>, SourceError> {
    let mut out = Vec::new();
    for piece in pieces {
        source.pass(piece, &mut out)?;
    }
    source.finish(&mut out)?;
    Ok(out)
}

fn lines(pieces: &[&[u8]]) -> Result<Vec<u8>, SourceError> {
    sent(Source::lines(pieces.concat().len() as u64), pieces)
}

fn chunk(pieces: &[&[u8]]) -> Result<Vec<u8>, SourceError> {
    sent(Source::chunk(pieces.concat().len() as u64), pieces)
}

#[test]
fn dots_are_stuffed_and_the_end_is_marked() {
    for (message, wire) in [
        (&b""[..], &b".\r\n"[..]),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (
            b"a\r\n.b\r\n..\r\nc.d\r\n",
            b"a\r\n..b\r\n...\r\nc.d\r\n.\r\n",
        ),
    ] {
        assert_eq!(lines(&[message]).unwrap(), wire);
        assert_eq!(chunk(&[message]).unwrap(), message);
    }
}

#[test]
fn attack_a02_stray_octets_never_leave() {
    for (message, error) in [
        (&b"a\rb\r\n"[..], SourceError::BareCr),
        (b"a\r", SourceError::BareCr),
        (b"a\nb\r\n", SourceError::BareLf),
        (b"\n.\r\nMAIL FROM:<x@y.example>\r\n", SourceError::BareLf),
        (b"\r\r\n.\r\n", SourceError::BareCr),
        (b"a\r\n.\rMAIL\r\n", SourceError::BareCr),
        (b"a\0\r\n", SourceError::Nul),
    ] {
        assert_eq!(lines(&[message]), Err(error), "{}", message.escape_ascii());
        assert_eq!(chunk(&[message]), Err(error), "{}", message.escape_ascii());
        let octets: Vec<&[u8]> = message.chunks(1).collect();
        assert_eq!(lines(&octets), Err(error), "{}", message.escape_ascii());
    }
}

#[test]
fn attack_a02_a_cr_waits_for_its_lf() {
    for mut source in [Source::chunk(2), Source::lines(2)] {
        let mut out = Vec::new();
        source.pass(b"a\r", &mut out).unwrap();
        assert_eq!(source.finish(&mut out), Err(SourceError::BareCr));
        assert_eq!(out, b"a", "all that was announced never left");
    }
    assert_eq!(
        chunk(&[b"a\r", b"", b"\n", b"\r", b"\n"]).unwrap(),
        b"a\r\n\r\n"
    );
}

#[test]
fn a_message_of_another_size_than_announced_never_leaves() {
    for source in [Source::lines(4), Source::chunk(4)] {
        let error = sent(source, &[b"a\r\n"]).unwrap_err();
        assert!(matches!(
            error,
            SourceError::Size {
                announced: 4,
                passed: 3
            }
        ));
    }
    for source in [Source::lines(2), Source::chunk(2)] {
        assert!(sent(source, &[b"a", b"\r\n"]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_leaves_is_read_back_as_it_was(
        words in proptest::collection::vec("\\.{0,3}[a-c]{0,3}", 0..12),
        size in 1_usize..9,
    ) {
        let message: String = words.iter().flat_map(|word| [word, "\r\n"]).collect();
        let pieces: Vec<&[u8]> = message.as_bytes().chunks(size).collect();
        let wire = String::from_utf8(lines(&pieces).unwrap()).unwrap();
        let body = wire.strip_suffix(".\r\n").unwrap();
        let read: String = body
            .split_inclusive("\r\n")
            .map(|line| line.strip_prefix('.').unwrap_or(line))
            .collect();
        prop_assert_eq!(&read, &message);
        prop_assert!(!body.starts_with(".\r\n") && !body.contains("\r\n.\r\n"));
    }
}
