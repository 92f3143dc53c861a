//! The page of the manual on IMAP names every capability, and none besides.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use postroom_imap::capability::{CAPABILITIES, ENABLEABLE};

#[test]
fn the_page_lists_what_is_offered() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/imap.md");
    let page = fs::read_to_string(page).expect("docs/imap.md");
    let mut listed = BTreeSet::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (name, rest) = row.split_once("` | ").expect("a name and an RFC");
        let (rfc, _) = rest.split_once(" |").expect("an RFC");
        assert!(
            rfc.parse::<u32>().is_ok(),
            "{name}: {rfc} is no number of an RFC"
        );
        assert!(listed.insert(name.to_owned()), "{name} stands twice");
    }
    let offered: BTreeSet<String> = CAPABILITIES
        .iter()
        .map(|capability| capability.name.to_owned())
        .collect();
    assert_eq!(listed, offered);
    for extension in ENABLEABLE {
        let name = format!("`{}`", extension.name());
        assert!(page.contains(&name), "ENABLE {name}");
    }
}
