//! Addresses, domains and paths: what parses prints to itself, and splits at one place only.

use postroom_mail::address::{
    Address, Domain, NonAscii, ReversePath, parse_forward_path, parse_reverse_path,
};

/// Panics where a promise is broken.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for non_ascii in [NonAscii::Allowed, NonAscii::Refused] {
        if let Ok(address) = Address::parse(text, non_ascii) {
            check_address(&address, non_ascii);
            let outside = text.strip_prefix('"').is_none();
            assert!(!outside || text.matches('@').count() == 1, "split twice");
        }
        if let Ok((path, rest)) = parse_reverse_path(text, non_ascii) {
            assert!(text.ends_with(rest));
            if let ReversePath::Address(address) = &path {
                check_address(address, non_ascii);
            }
            let printed = path.to_string();
            assert_eq!(parse_reverse_path(&printed, non_ascii), Ok((path, "")));
        }
        if let Ok((path, _)) = parse_forward_path(text, non_ascii) {
            let printed = path.to_string();
            assert_eq!(parse_forward_path(&printed, non_ascii), Ok((path, "")));
        }
    }
    if let Ok(domain) = Domain::parse(text) {
        assert!(domain.as_str().is_ascii());
        assert_eq!(Domain::parse(domain.as_str()), Ok(domain.clone()));
        assert_eq!(Domain::parse(&domain.to_unicode()), Ok(domain.clone()));
        assert_eq!(domain.is_literal(), domain.literal_address().is_some());
    }
}

fn check_address(address: &Address, non_ascii: NonAscii) {
    let printed = address.to_string();
    assert!(!printed.contains(char::is_control));
    assert_eq!(Address::parse(&printed, non_ascii).as_ref(), Ok(address));
    assert!(non_ascii == NonAscii::Allowed || address.is_ascii());
    let key = address.lookup_key();
    assert_eq!(
        key.rsplit_once('@').map(|(_, domain)| domain),
        Some(address.domain.as_str())
    );
    let without = address.without_detail('+');
    assert_eq!(
        Address::parse(&without.to_string(), non_ascii).as_ref(),
        Ok(&without)
    );
}
