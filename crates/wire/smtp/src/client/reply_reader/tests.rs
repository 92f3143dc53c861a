use postroom_wire::lines::LineFault;

use super::*;

fn read(input: &[u8]) -> Result<Vec<Heard>, Fault> {
    let mut reader = ReplyReader::default();
    let mut heard = Vec::new();
    let mut rest = input;
    loop {
        let (taken, read) = reader.take(rest, &Limits::default());
        rest = &rest[taken..];
        match read {
            Read::Partial => return Ok(heard),
            Read::More => {}
            Read::Reply(reply) => heard.push(reply),
            Read::Fault(fault) => return Err(fault),
        }
    }
}

fn reply(input: &[u8]) -> Reply {
    read(input).unwrap().remove(0).into_reply()
}

#[test]
fn replies_of_any_number_of_lines_are_joined_and_cleaned() {
    let long = reply(b"550-5.1.1 No such\r\n550-5.1.1  user \x07here\r\n550 5.1.1\r\n");
    assert_eq!(long.code, 550);
    assert_eq!(long.enhanced, Some(EnhancedCode(5, 1, 1)));
    assert_eq!(long.text, "No such user  here");
    let bare = reply(b"250\r\n");
    assert_eq!((bare.code, bare.enhanced, &*bare.text), (250, None, ""));
    // The class belongs to the code (RFC 2034 §4).
    let other = reply(b"450 5.7.1 Wait\r\n");
    assert_eq!((other.enhanced, &*other.text), (None, "5.7.1 Wait"));
    assert_eq!(reply(b"250 2.1.0.1 odd\r\n").enhanced, None);
    assert_eq!(reply(b"554 Gr\xc3\xbc\xff\r\n").text, "Grü\u{fffd}");
    assert_eq!(
        read(b"250 a\r\n250-b\r\n250 c\r\n354 d\r\n250 e")
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn attack_a19_nonsense_is_named() {
    for (input, fault) in [
        (&b"hello\r\n"[..], Fault::NoCode),
        (b"\r\n", Fault::NoCode),
        (b"25\r\n", Fault::NoCode),
        (b"250_x\r\n", Fault::NoCode),
        (b"2500 x\r\n", Fault::NoCode),
        (b"+25 x\r\n", Fault::NoCode),
        (b"199 x\r\n", Fault::NoCode),
        (b"600 x\r\n", Fault::NoCode),
        (b"250-a\r\n550 b\r\n", Fault::CodesDiffer),
        (b"250-a\r\nb\r\n", Fault::NoCode),
        (b"250 a\n", Fault::Line(LineFault::BareLf)),
        (b"250 a\rb\r\n", Fault::Line(LineFault::BareCr)),
        (b"250 a\0\r\n", Fault::Line(LineFault::Nul)),
    ] {
        assert_eq!(read(input).unwrap_err(), fault, "{}", input.escape_ascii());
    }
    let endless = [b"250 ".to_vec(), vec![b'x'; 10_000_000]].concat();
    assert_eq!(read(&endless).unwrap_err(), Fault::Line(LineFault::TooLong));
    assert_eq!(
        read(&b"250-x\r\n".repeat(101)).unwrap_err(),
        Fault::TooManyLines
    );
}

#[test]
fn what_is_kept_of_a_reply_is_bounded() {
    let lines = [b"250-", &[b'x'; 1_000][..], b"\r\n"].concat().repeat(99);
    let mut heard = read(&[&lines[..], b"250 end\r\n"].concat()).unwrap();
    let heard = heard.remove(0);
    assert!(heard.text.len() <= Limits::default().reply_octets_max + 100);
    assert_eq!(heard.into_reply().text.len(), TEXT_OCTETS_MAX);
}
