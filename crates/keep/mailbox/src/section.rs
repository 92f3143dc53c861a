//! Parts of headers that BODY[HEADER.FIELDS] asks for.

use postroom_mail::message::Fields;

/// Which fields of a header are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRule {
    /// Those that are named.
    Named,
    /// All but those that are named.
    NotNamed,
}

/// The fields of `header` that `rule` wants, as they came and in their order, with the empty line
/// that ends a header (RFC 9051 §6.4.5.1).
pub fn header_fields(header: &[u8], names: &[Box<str>], rule: FieldRule) -> Vec<u8> {
    let mut wanted = Vec::new();
    for field in Fields::new(header) {
        let is_named = names.iter().any(|name| field.is(name));
        if is_named == (rule == FieldRule::Named) {
            wanted.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                wanted.extend_from_slice(b"\r\n");
            }
        }
    }
    wanted.extend_from_slice(b"\r\n");
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_chosen_by_name_in_any_case() {
        let header = b"To: a\r\nSubject: b\r\n c\r\nX-to: d\r\nTO: e\r\n\r\nbody: f\r\n";
        let names = ["to".into()];
        let named = header_fields(header, &names, FieldRule::Named);
        assert_eq!(named, b"To: a\r\nTO: e\r\n\r\n");
        let others = header_fields(header, &names, FieldRule::NotNamed);
        assert_eq!(others, b"Subject: b\r\n c\r\nX-to: d\r\n\r\n");
        assert_eq!(header_fields(b"", &names, FieldRule::Named), b"\r\n");
        assert_eq!(
            header_fields(b"To: x", &names, FieldRule::Named),
            b"To: x\r\n\r\n"
        );
    }
}
