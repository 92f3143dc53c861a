use postroom_mail::address::{ForwardPath, ReversePath};

use super::*;

const OFFER: Offer = Offer {
    dsn: true,
    auth: true,
    size_octets_max: 1000,
};

fn code(result: Result<impl std::fmt::Debug, Reply>) -> u16 {
    result.unwrap_err().code
}

#[test]
fn mail_with_everything() {
    let wish = sender(
        "FROM:<anna@example.org> SIZE=1000 BODY=8bitmime SMTPUTF8 AUTH=<> RET=HDRS ENVID=QQ+2B1",
        OFFER,
    )
    .unwrap();
    assert_eq!(wish.size_octets, Some(1000));
    assert_eq!(wish.body, BodyType::EightBitMime);
    assert!(wish.smtputf8);
    assert_eq!(wish.ret, Some(Ret::Headers));
    assert_eq!(wish.envid.as_deref(), Some("QQ+1"));
    assert_eq!(
        sender("from: <>", OFFER).unwrap().reverse_path,
        ReversePath::Null
    );
}

#[test]
fn mail_is_refused_by_name() {
    for (arguments, expected) in [
        ("<anna@example.org>", reply::BAD_ARGUMENTS),
        ("FROM:anna@example.org", reply::BAD_SENDER),
        ("FROM:<anna@example.org>SIZE=1", reply::BAD_SENDER),
        ("FROM:<> SIZE=1 SIZE=2", reply::BAD_PARAMETER),
        ("FROM:<> SIZE=x", reply::BAD_PARAMETER),
        ("FROM:<> SIZE=1001", reply::MESSAGE_TOO_BIG),
        ("FROM:<> SIZE=99999999999999999999", reply::MESSAGE_TOO_BIG),
        ("FROM:<> SIZE=999999999999999999999", reply::BAD_PARAMETER),
        ("FROM:<> BODY=BINARYMIME", reply::BAD_PARAMETER),
        ("FROM:<> SMTPUTF8=1", reply::BAD_PARAMETER),
        ("FROM:<> RET=NONE", reply::BAD_PARAMETER),
        ("FROM:<> ENVID=a=b", reply::BAD_PARAMETER),
        ("FROM:<> AUTH=a=b", reply::BAD_PARAMETER),
        ("FROM:<> X=1", reply::UNKNOWN_PARAMETER),
        ("FROM:<\u{e9}@example.org>", reply::SENDER_NEEDS_SMTPUTF8),
    ] {
        assert_eq!(sender(arguments, OFFER), Err(expected), "{arguments}");
    }
    assert!(sender("FROM:<\u{e9}@example.org> SMTPUTF8", OFFER).is_ok());
}

#[test]
fn dsn_and_auth_only_where_offered() {
    let bare = Offer {
        dsn: false,
        auth: false,
        size_octets_max: 1000,
    };
    for arguments in ["FROM:<> RET=FULL", "FROM:<> ENVID=a", "FROM:<> AUTH=<>"] {
        assert_eq!(code(sender(arguments, bare)), 555);
    }
    let refused = recipient("TO:<b@example.net> NOTIFY=NEVER", NonAscii::Refused, bare);
    assert_eq!(code(refused), 555);
}

#[test]
fn rcpt_with_everything() {
    let wish = recipient(
        "TO:<bob@example.net> NOTIFY=Success,DELAY ORCPT=rfc822;Bob+2Bx@example.net",
        NonAscii::Refused,
        OFFER,
    )
    .unwrap();
    let notify = wish.notify.unwrap();
    assert!(notify.contains(Notify::SUCCESS) && notify.contains(Notify::DELAY));
    assert!(!notify.contains(Notify::FAILURE));
    assert_eq!(wish.orcpt.as_deref(), Some("rfc822;Bob+x@example.net"));
    let postmaster = recipient("TO:<postmaster>", NonAscii::Refused, OFFER).unwrap();
    assert_eq!(postmaster.forward_path, ForwardPath::Postmaster);
}

#[test]
fn rcpt_is_refused_by_name() {
    for (arguments, expected) in [
        ("<bob@example.net>", reply::BAD_ARGUMENTS),
        ("TO:<>", reply::BAD_RECIPIENT),
        ("TO:<b@n> NOTIFY=NEVER,SUCCESS", reply::BAD_PARAMETER),
        ("TO:<b@n> NOTIFY=", reply::BAD_PARAMETER),
        ("TO:<b@n> NOTIFY", reply::BAD_PARAMETER),
        ("TO:<b@n> NOTIFY=DELAY NOTIFY=DELAY", reply::BAD_PARAMETER),
        ("TO:<b@n> ORCPT=rfc822", reply::BAD_PARAMETER),
        ("TO:<b@n> ORCPT=;a", reply::BAD_PARAMETER),
        ("TO:<b@n> SIZE=1", reply::UNKNOWN_PARAMETER),
        ("TO:<\u{e9}@n>", reply::RECIPIENT_NEEDS_SMTPUTF8),
    ] {
        assert_eq!(
            recipient(arguments, NonAscii::Refused, OFFER),
            Err(expected),
            "{arguments}"
        );
    }
}
