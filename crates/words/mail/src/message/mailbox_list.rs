//! Address lists of header fields (RFC 5322 §3.4, obsolete forms of §4.4 included).

use super::text::decode_text;
use super::token::{Cursor, Text, is_space};
use crate::address::{Address, NonAscii};

/// Addresses of one kind (To, say) that an envelope keeps; the rest are passed over.
pub const ADDRESSES_MAX: usize = 1000;

/// Octets of a display name, a route, a local part and a domain each.
pub const ADDRESS_TEXT_OCTETS_MAX: usize = 1000;

/// One member of an address list, as IMAP's ENVELOPE lists them (RFC 9051 §7.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListMember {
    /// An address.
    Mailbox(NamedMailbox),
    /// `name:` begins a group.
    GroupStart(Box<[u8]>),
    /// `;` ends it.
    GroupEnd,
}

/// An address of a header field with its name. Octets are as they came, NUL and line ends apart:
/// encoded words are not decoded, 8-bit octets may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedMailbox {
    /// The phrase before `<`, or else the comment after the address, quotes removed.
    pub name: Option<Box<[u8]>>,
    /// The source route `@a,@b`, without its colon.
    pub route: Option<Box<[u8]>>,
    /// The local part, quotes removed.
    pub local: Box<[u8]>,
    /// The domain; empty where the field has none.
    pub domain: Box<[u8]>,
}

impl NamedMailbox {
    /// The display name as people read it; empty without one.
    pub fn display_name(&self) -> String {
        self.name.as_deref().map(decode_text).unwrap_or_default()
    }

    /// The address, if it is one that an envelope could carry.
    pub fn address(&self) -> Option<Address> {
        let local = std::str::from_utf8(&self.local).ok()?;
        let domain = std::str::from_utf8(&self.domain).ok()?;
        let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
        Address::parse(&format!("\"{quoted}\"@{domain}"), NonAscii::Allowed).ok()
    }
}

/// Reads the value of an address field, folded as it came.
///
/// Total: any octets give some list. Linear; at most [`ADDRESSES_MAX`] members, and one more where
/// a group has to be ended.
pub fn parse_address_list(value: &[u8]) -> Vec<ListMember> {
    let mut members = Vec::new();
    extend_address_list(value, &mut members);
    members
}

/// The same, onto the members of earlier fields of the same name (RFC 5322 §4.5.3).
pub(super) fn extend_address_list(value: &[u8], members: &mut Vec<ListMember>) {
    let mut parser = Parser {
        cursor: Cursor::new(value),
        members,
        phrase: Text::new(ADDRESS_TEXT_OCTETS_MAX),
        local: Text::new(ADDRESS_TEXT_OCTETS_MAX),
        comment: Text::new(ADDRESS_TEXT_OCTETS_MAX),
        spaced: false,
        mailbox: None,
        in_group: false,
    };
    parser.run();
}

struct Parser<'a, 'm> {
    cursor: Cursor<'a>,
    members: &'m mut Vec<ListMember>,
    /// Words since the last separator, one space between words that had some.
    phrase: Text,
    /// The same words with nothing between.
    local: Text,
    /// The last comment since the last separator.
    comment: Text,
    spaced: bool,
    /// An address that waits for its separator, since a comment may still name it.
    mailbox: Option<NamedMailbox>,
    in_group: bool,
}

impl Parser<'_, '_> {
    fn run(&mut self) {
        while self.members.len() < ADDRESSES_MAX {
            let Some(byte) = self.cursor.peek() else {
                break;
            };
            match byte {
                b'(' => {
                    self.comment.clear();
                    self.cursor.comment(&mut self.comment);
                    self.spaced = true;
                }
                b'"' => {
                    let mut word = Text::new(ADDRESS_TEXT_OCTETS_MAX);
                    self.cursor.quoted_string(&mut word);
                    self.word(&word.take());
                }
                b'<' => self.angle(),
                b'@' => self.bare(),
                b',' | b';' | b':' => {
                    self.cursor.next();
                    self.separator(byte);
                }
                _ if is_space(byte) => {
                    self.cursor.take_while(is_space);
                    self.spaced = true;
                }
                _ if is_word(byte) => {
                    let word = self.cursor.take_while(is_word);
                    self.word(word);
                }
                // A stray `>`, `)`, `[`, `]` or backslash.
                _ => {
                    self.cursor.next();
                }
            }
        }
        self.flush();
        self.end_group();
    }

    fn word(&mut self, word: &[u8]) {
        if self.spaced && !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.spaced = false;
        self.phrase.extend(word);
        self.local.extend(word);
    }

    fn separator(&mut self, byte: u8) {
        match byte {
            b':' if self.mailbox.is_none() => {
                self.end_group();
                if self.members.len() < ADDRESSES_MAX {
                    let name = self.phrase.take();
                    self.members.push(ListMember::GroupStart(name));
                    self.in_group = true;
                }
                self.forget();
            }
            b';' => {
                self.flush();
                self.end_group();
            }
            _ => self.flush(),
        }
    }

    /// `local@domain` without brackets; the words so far are the local part.
    fn bare(&mut self) {
        self.cursor.next();
        let waiting = self.mailbox.take();
        match waiting {
            // `u@d@us`: the last `@` divides.
            Some(earlier) if self.local.is_empty() => {
                self.local.extend(&earlier.local);
                self.local.push(b'@');
                self.local.extend(&earlier.domain);
            }
            Some(earlier) => self.push(earlier),
            None => {}
        }
        let local = self.local.take();
        let domain = self.domain();
        self.mailbox = Some(NamedMailbox {
            local,
            domain,
            ..NamedMailbox::default()
        });
        self.phrase.clear();
    }

    /// `<route:local@domain>`; the words so far are the name.
    fn angle(&mut self) {
        self.cursor.next();
        if let Some(earlier) = self.mailbox.take() {
            self.push(earlier);
        }
        self.cursor.skip_cfws();
        let route = self.route();
        let mut local = Text::new(ADDRESS_TEXT_OCTETS_MAX);
        let mut domain: Option<Box<[u8]>> = None;
        while let Some(byte) = self.cursor.peek() {
            match byte {
                b'>' | b'<' | b',' => break,
                b'@' => {
                    self.cursor.next();
                    if let Some(earlier) = domain.take() {
                        local.push(b'@');
                        local.extend(&earlier);
                    }
                    domain = Some(self.domain());
                }
                b'"' => self.cursor.quoted_string(&mut local),
                b'(' => self.cursor.skip_cfws(),
                _ if domain.is_none() && is_word(byte) => {
                    local.extend(self.cursor.take_while(is_word));
                }
                _ => {
                    self.cursor.next();
                }
            }
        }
        self.cursor.eat(b'>');
        let mailbox = NamedMailbox {
            name: self.phrase.take_some(),
            route,
            local: local.take(),
            domain: domain.unwrap_or_default(),
        };
        self.local.clear();
        if mailbox != NamedMailbox::default() {
            self.mailbox = Some(mailbox);
        }
    }

    fn route(&mut self) -> Option<Box<[u8]>> {
        if self.cursor.peek() != Some(b'@') {
            return None;
        }
        let ends = |byte| matches!(byte, b':' | b'>' | b'<');
        let mut route = Text::new(ADDRESS_TEXT_OCTETS_MAX);
        for &byte in self.cursor.take_while(|byte| !ends(byte)) {
            if !is_space(byte) {
                route.push(byte);
            }
        }
        self.cursor.eat(b':');
        route.take_some()
    }

    /// What follows an `@`: atoms and dots, or a literal in brackets.
    fn domain(&mut self) -> Box<[u8]> {
        let mut domain = Text::new(ADDRESS_TEXT_OCTETS_MAX);
        self.cursor.skip_cfws();
        if self.cursor.peek() == Some(b'[') {
            domain.extend(
                self.cursor
                    .take_while(|byte| !matches!(byte, b']' | b'>' | b',')),
            );
            if self.cursor.eat(b']') {
                domain.push(b']');
            }
            return domain.take();
        }
        loop {
            let atoms = self.cursor.take_while(is_word);
            domain.extend(atoms);
            // White space and comments may stand around the dots (RFC 5322 §4.4).
            let mut ahead = self.cursor.clone();
            ahead.take_while(is_space);
            let next = ahead.peek();
            let goes_on = match (atoms.last(), next) {
                (_, Some(b'.')) => true,
                (Some(b'.'), Some(byte)) => is_word(byte),
                _ => false,
            };
            if !goes_on {
                break;
            }
            self.cursor = ahead;
        }
        domain.take()
    }

    /// Ends an element of the list.
    fn flush(&mut self) {
        if let Some(mailbox) = self.mailbox.take() {
            self.push(mailbox);
        } else if !self.local.is_empty() {
            let local = self.local.take();
            self.push(NamedMailbox {
                local,
                ..NamedMailbox::default()
            });
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.phrase.clear();
        self.local.clear();
        self.comment.clear();
        self.spaced = false;
    }

    fn push(&mut self, mut mailbox: NamedMailbox) {
        if self.members.len() >= ADDRESSES_MAX {
            return;
        }
        if mailbox.name.is_none() {
            mailbox.name = self.comment.take_some();
        }
        self.members.push(ListMember::Mailbox(mailbox));
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.members.push(ListMember::GroupEnd);
        }
    }
}

/// Octets of atoms and dots; 8-bit ones count as letters (RFC 6532 §3.2).
fn is_word(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]:;@\\,\"".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One member a line: `name|route|local|domain`, `name:` and `;`.
    fn list(value: &str) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let optional = |bytes: &Option<Box<[u8]>>| bytes.as_deref().map_or("-".into(), text);
        parse_address_list(value.as_bytes())
            .iter()
            .map(|member| match member {
                ListMember::Mailbox(mailbox) => format!(
                    "{}|{}|{}|{}",
                    optional(&mailbox.name),
                    optional(&mailbox.route),
                    text(&mailbox.local),
                    text(&mailbox.domain)
                ),
                ListMember::GroupStart(name) => format!("{}:", text(name)),
                ListMember::GroupEnd => ";".into(),
            })
            .collect()
    }

    #[test]
    fn examples_of_rfc_5322() {
        assert_eq!(
            list("\"Joe Q. Public\" <john.q.public@example.com>"),
            ["Joe Q. Public|-|john.q.public|example.com"]
        );
        assert_eq!(
            list("Mary Smith <mary@x.test>, jdoe@example.org,\r\n Who? <one@y.test>"),
            [
                "Mary Smith|-|mary|x.test",
                "-|-|jdoe|example.org",
                "Who?|-|one|y.test"
            ]
        );
        assert_eq!(
            list("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
            [
                "A Group:",
                "Ed Jones|-|c|a.test",
                "-|-|joe|where.test",
                "John|-|jdoe|one.test",
                ";"
            ]
        );
        assert_eq!(
            list("Undisclosed recipients:;"),
            ["Undisclosed recipients:", ";"]
        );
        assert_eq!(
            list("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
            ["Pete|-|pete|silly.test"]
        );
        assert_eq!(
            list("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
            [
                "Mary Smith|@node.test|mary|example.net",
                "-|-|jdoe|test.example"
            ]
        );
        assert_eq!(
            list("john.q.public@example.com (Joe (Q.) Public)"),
            ["Joe (Q.) Public|-|john.q.public|example.com"]
        );
    }

    #[test]
    fn lists_of_the_wild() {
        for (value, members) in [
            ("", &[][..]),
            (" , ;:", &[":", ";"][..]),
            ("<>", &[]),
            ("x", &["-|-|x|"]),
            ("a@b c@d", &["-|-|a|b", "-|-|c|d"]),
            ("<a@b> <c@d>", &["-|-|a|b", "-|-|c|d"]),
            ("A <a@b, C <c@d>", &["A|-|a|b", "C|-|c|d"]),
            ("u@d@us", &["-|-|u@d|us"]),
            ("<u@d@us>", &["-|-|u@d|us"]),
            ("\"u@d\"@us", &["-|-|u@d|us"]),
            ("a @ [1.2.3.4]", &["-|-|a|[1.2.3.4]"]),
            ("a@[1.2", &["-|-|a|[1.2"]),
            ("=?utf-8?q?a=2C?= <a@b>", &["=?utf-8?q?a=2C?=|-|a|b"]),
            ("a: b@c", &["a:", "-|-|b|c", ";"]),
            ("a: b: c@d;", &["a:", ";", "b:", "-|-|c|d", ";"]),
            ("\"a\\", &["-|-|a|"]),
            ("<a", &["-|-|a|"]),
            ("<@a", &["-|@a||"]),
        ] {
            assert_eq!(list(value), members, "{value}");
        }
    }

    #[test]
    fn mailboxes_become_addresses() {
        let members = parse_address_list(b"=?utf-8?q?J=C3=B6?= <\"j o\"@Example.ORG>, x, u@d@us");
        let addresses: Vec<_> = members
            .iter()
            .map(|member| match member {
                ListMember::Mailbox(mailbox) => (
                    mailbox.display_name(),
                    mailbox.address().map(|a| a.to_string()),
                ),
                _ => panic!("no group here"),
            })
            .collect();
        assert_eq!(
            addresses,
            [
                ("Jö".into(), Some("\"j o\"@example.org".into())),
                (String::new(), None),
                (String::new(), Some("\"u@d\"@us".into())),
            ]
        );
    }
}
