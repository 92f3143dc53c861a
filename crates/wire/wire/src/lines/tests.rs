use super::*;
use proptest::prelude::*;

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Line(Vec<u8>),
    Fault(LineFault),
}

/// Feeds `input` in pieces of these sizes, keeping what is not taken, as a driver does.
fn read(input: &[u8], sizes: impl IntoIterator<Item = usize>, octets_max: usize) -> Vec<Seen> {
    let mut reader = LineReader::default();
    let (mut start, mut end, mut seen) = (0, 0, Vec::new());
    let mut sizes = sizes.into_iter();
    while end < input.len() {
        end = (end + sizes.next().unwrap_or(input.len()).max(1)).min(input.len());
        loop {
            let (taken, framed) = reader.take(&input[start..end], octets_max);
            start += taken;
            match framed {
                Framed::Line(line) => seen.push(Seen::Line(line.to_vec())),
                Framed::Fault(fault) => seen.push(Seen::Fault(fault)),
                Framed::Dropped => {}
                Framed::Partial => break,
            }
        }
        assert!(end - start <= octets_max, "a driver's buffer is bounded");
    }
    seen
}

fn line(text: &str) -> Seen {
    Seen::Line(text.as_bytes().to_vec())
}

#[test]
fn only_crlf_ends_a_line_and_strays_are_named() {
    let whole = |input: &[u8]| read(input, [], 64);
    assert_eq!(whole(b"a\r\n\r\nb\r\n"), [line("a"), line(""), line("b")]);
    assert_eq!(
        whole(b"a\nb\r\nc\r\n"),
        [Seen::Fault(LineFault::BareLf), line("c")]
    );
    assert_eq!(
        whole(b"a\rb\nc\0\r\nd\r\n"),
        [Seen::Fault(LineFault::BareCr), line("d")]
    );
    assert_eq!(
        whole(b"a\0b\rc\r\nd\r\n"),
        [Seen::Fault(LineFault::Nul), line("d")]
    );
    assert_eq!(
        whole(b"a\r\r\nb\r\n"),
        [Seen::Fault(LineFault::BareCr), line("b")]
    );
    assert_eq!(whole(b"\n\r\n"), [Seen::Fault(LineFault::BareLf)]);
}

#[test]
fn the_limit_counts_the_line_end() {
    assert_eq!(read(b"123456\r\n", [], 8), [line("123456")]);
    assert_eq!(
        read(b"1234567\r\nx\r\n", [], 8),
        [Seen::Fault(LineFault::TooLong), line("x")]
    );
}

#[test]
fn a_fault_is_named_at_the_octet_that_makes_it_one() {
    fn taken(input: &[u8]) -> (usize, Framed<'_>) {
        LineReader::default().take(input, 8)
    }
    assert_eq!(taken(b"EHLO x\n"), (7, Framed::Fault(LineFault::BareLf)));
    assert_eq!(taken(b"EHLO x\r"), (0, Framed::Partial));
    assert_eq!(taken(b"EHLO \rx"), (6, Framed::Fault(LineFault::BareCr)));
    assert_eq!(taken(b"EH\0"), (3, Framed::Fault(LineFault::Nul)));
    assert_eq!(taken(b"1234567"), (0, Framed::Partial));
    assert_eq!(taken(b"12345678"), (8, Framed::Fault(LineFault::TooLong)));
    assert_eq!(taken(b"1234567\r"), (7, Framed::Fault(LineFault::TooLong)));
}

#[test]
fn lines_in_lf_alone_are_one_fault_until_a_crlf() {
    assert_eq!(
        read(b"EHLO x\nMAIL FROM:<>\nQUIT\nDATA\r\nNOOP\r\n", [], 64),
        [Seen::Fault(LineFault::BareLf), line("NOOP")]
    );
}

#[test]
fn a_line_without_end_is_dropped_as_it_comes() {
    let mut reader = LineReader::default();
    let block = [b'x'; 4096];
    let first = reader.take(&block, 512);
    assert_eq!(first, (512, Framed::Fault(LineFault::TooLong)));
    for _ in 0..1000 {
        assert_eq!(reader.take(&block, 512), (block.len(), Framed::Partial));
    }
    assert_eq!(reader.take(b"\r\nNOOP\r\n", 512), (2, Framed::Dropped));
    assert_eq!(reader.take(b"NOOP\r\n", 512), (6, Framed::Line(b"NOOP")));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        input in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(0u8), Just(b'a'), Just(b'b')], 0..60),
        sizes in proptest::collection::vec(1usize..6, 0..60),
        octets_max in 3usize..20,
    ) {
        let whole = read(&input, [], octets_max.max(input.len() + 1));
        let pieces = read(&input, sizes.clone(), octets_max.max(input.len() + 1));
        prop_assert_eq!(&whole, &pieces);
        let tight = read(&input, std::iter::repeat_n(1, input.len()), octets_max);
        prop_assert_eq!(tight, read(&input, sizes, octets_max));
    }
}
