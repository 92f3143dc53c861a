use proptest::prelude::*;

use super::*;

type Read = (Vec<u8>, Option<Result<u64, TextFault>>, usize);

/// Reads in pieces of these sizes: body, verdict, octets taken in all.
fn read(input: &[u8], sizes: &[usize], octets_max: u64) -> Read {
    let mut reader = DataReader::new(octets_max);
    let (mut start, mut end, mut body) = (0, 0, Vec::new());
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(usize::MAX));
    while end < input.len() {
        end = end.saturating_add(sizes.next().unwrap()).min(input.len());
        loop {
            let (taken, step) = reader.read(&input[start..end]);
            start += taken;
            match step {
                DataStep::Octets(octets) => body.extend_from_slice(octets),
                DataStep::Dropped => {}
                DataStep::Partial => break,
                DataStep::End(verdict) => return (body, Some(verdict), start),
            }
        }
        assert!(end - start <= 2, "only a dot and a CR stay unread");
    }
    (body, None, start)
}

fn whole(input: &[u8]) -> Read {
    read(input, &[], 1000)
}

#[test]
fn dots_are_unstuffed_and_the_rest_is_kept() {
    let (body, verdict, taken) = whole(b"..a\r\n.b\r\nc.\r\n...\r\n.\r\nQUIT");
    assert_eq!(body, b".a\r\nb\r\nc.\r\n..\r\n");
    assert_eq!((verdict, taken), (Some(Ok(15)), 21));
    assert_eq!(whole(b".\r\n"), (vec![], Some(Ok(0)), 3));
}

#[test]
fn nothing_else_ends_a_body() {
    for (input, fault) in [
        (&b"a\n.\n\r\n.\r\n"[..], TextFault::BareLf),
        (b"a\n.\r\nb\r\n.\r\n", TextFault::BareLf),
        (b"a\r\n.\nb\r\n.\r\n", TextFault::BareLf),
        (b"a\r.\rb\r\n.\r\n", TextFault::BareCr),
        (b"a\r\n.\r\r\n.\r\n", TextFault::BareCr),
        (b".\r.\r\n.\r\n", TextFault::BareCr),
        (b"a\r\n.\0\r\n.\r\n", TextFault::Nul),
    ] {
        let (_, verdict, taken) = whole(input);
        assert_eq!((verdict, taken), (Some(Err(fault)), input.len()));
    }
}

#[test]
fn size_is_that_of_the_body() {
    assert_eq!(read(b"..a\r\n.\r\n", &[], 4).1, Some(Ok(4)));
    assert_eq!(
        read(b"..a\r\n.\r\n", &[], 3).1,
        Some(Err(TextFault::TooBig))
    );
}

/// The plain reading of RFC 5321 §4.5.2, line by line.
fn reference(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        let line = input[at..].windows(2).position(|pair| pair == b"\r\n")?;
        let text = &input[at..at + line];
        at += line + 2;
        if text == b"." {
            return Some((body, at));
        }
        body.extend_from_slice(text.strip_prefix(b".").unwrap_or(text));
        body.extend_from_slice(b"\r\n");
    }
}

proptest! {
    #[test]
    fn agrees_with_the_plain_reading_whatever_the_pieces(
        parts in proptest::collection::vec(
            prop_oneof![
                3 => Just(&b"\r\n"[..]), 2 => Just(&b"."[..]), 2 => Just(&b"a"[..]),
                1 => Just(&b"\r"[..]), 1 => Just(&b"\n"[..]), 1 => Just(&b"\0"[..]),
            ], 0..40),
        sizes in proptest::collection::vec(1usize..5, 0..80),
    ) {
        let input = parts.concat();
        let (body, verdict, taken) = whole(&input);
        match reference(&input) {
            None => prop_assert_eq!(verdict, None),
            Some((expected, end)) => {
                prop_assert_eq!(taken, end);
                let strays = expected.iter().enumerate().any(|(at, byte)| match byte {
                    b'\r' => expected.get(at + 1) != Some(&b'\n'),
                    b'\n' => at == 0 || expected[at - 1] != b'\r',
                    byte => *byte == 0,
                });
                match verdict {
                    Some(Ok(octets)) => {
                        prop_assert!(!strays);
                        prop_assert_eq!(&body, &expected);
                        prop_assert_eq!(octets, expected.len() as u64);
                    }
                    Some(Err(_)) => prop_assert!(strays),
                    None => prop_assert!(false, "the end was not seen"),
                }
            }
        }
        let (pieces_body, pieces_verdict, pieces_taken) = read(&input, &sizes, 1000);
        prop_assert_eq!(pieces_verdict, verdict);
        if matches!(verdict, Some(Ok(_))) {
            prop_assert_eq!(pieces_body, body);
        }
        if verdict.is_some() {
            prop_assert_eq!(pieces_taken, taken);
        }
    }
}
