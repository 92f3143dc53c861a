//! BINARY of parts that are too large for a page: decoded while they are sent.

#[path = "support/house.rs"]
mod house;

use house::House;

/// Octets of the part once decoded: several pieces of what is read at once.
const OCTETS: usize = 300_000;

/// Octets that a transfer encoding cannot keep its hands off.
fn octet(place: usize) -> u8 {
    u8::try_from(place * 31 % 256).unwrap_or(0)
}

fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (number, three) in octets.chunks(3).enumerate() {
        if number > 0 && number % 19 == 0 {
            text.push_str("\r\n");
        }
        let bits = three
            .iter()
            .fold(0_usize, |bits, &octet| bits << 8 | usize::from(octet));
        for place in (0..4).rev() {
            text.push(char::from(LETTERS[bits >> (6 * place) & 63]));
        }
    }
    text
}

#[test]
fn large_parts_are_decoded_on_their_way() {
    let octets: Vec<u8> = (0..OCTETS).map(octet).collect();
    let message = format!(
        "Subject: large\r\nContent-Type: application/octet-stream\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(&octets)
    );
    let house = House::new();
    house.deliver("INBOX", message.as_bytes());
    let mut session = house.selected("INBOX");
    session
        .0
        .receive(b"a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[1]<70000.100000> UID)\r\n");
    let said = session.0.take_written();
    let head = format!("* 1 FETCH (BINARY.SIZE[1] {OCTETS} BINARY[1] ~{{{OCTETS}}}\r\n");
    let rest = said.strip_prefix(head.as_bytes()).expect("the size");
    let (whole, rest) = rest.split_at(OCTETS);
    assert!(whole == octets);
    let rest = rest
        .strip_prefix(b" BINARY[1]<70000> ~{100000}\r\n")
        .expect("a part of it");
    let (part, rest) = rest.split_at(100_000);
    assert!(part == &octets[70_000..170_000]);
    assert_eq!(rest, b" UID 1)\r\na OK Done\r\n");
    // Behind the end there is nothing.
    session.0.receive(b"b FETCH 1 BINARY.PEEK[1]<300000.5>\r\n");
    let said = session.0.take_written();
    assert_eq!(
        said,
        b"* 1 FETCH (BINARY[1]<300000> {0}\r\n)\r\nb OK Done\r\n"
    );
}
