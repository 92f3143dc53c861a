use postroom_config::value::Senders;
use postroom_mail::reply;

use super::{Case, Judgement, Moment, Senses, Stage, may_send_as};

/// Lets somebody who is signed in use only addresses of their own in MAIL.
///
/// The null path passes: read receipts are sent with it (RFC 8098 §2.1), and the From field is
/// judged too. Settings: `auth.senders`, and
/// `auth.local_senders` for users of this machine. Source: RFC 6409 §6.1. Runs at MAIL. Directory trouble:
/// defers, since whoever is signed in will try again.
pub(crate) const SENDER_IS_OWN: Stage = Stage {
    name: "sender-is-own",
    moment: Moment::Sender,
    judge: |case, senses| Box::pin(sender_is_own(case, senses)),
};

async fn sender_is_own(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let Some(login) = case.login else {
        return Judgement::pass();
    };
    if login.senders(senses.limits) == Senders::Any {
        return Judgement::pass();
    }
    let Some(sender) = case.sender.and_then(|wish| wish.reverse_path.address()) else {
        return Judgement::pass();
    };
    match may_send_as(login, sender, senses).await {
        Some(true) => Judgement::pass(),
        Some(false) => Judgement::reject(reply::NOT_YOUR_ADDRESS),
        None => Judgement::defer(reply::TRY_LATER),
    }
}
